/** Adapters against hooks in transformers' BERT (tools/parity/encoder_adapters.py). */
import { compile, RandomStream, selectBackend, tf } from '@ferry/engine';
import { flattenParameters } from '@ferry/nn';
import { describe, expect, it } from 'vitest';
import { createAdapters, withAdapters } from '../src/adapters.ts';
import { encoderTower, loadEncoder } from '../src/index.ts';
import { close, fixture, readExpected, tokensOf } from './expected.ts';

const random = RandomStream.fromSeed(1);

describe.each(['ort', 'cpu'] as const)('adapters on %s', (backend) => {
  it('give the outputs and gradients of the same in PyTorch', async () => {
    await selectBackend(backend, { threads: 1, log: () => undefined });
    const encoder = await loadEncoder(fixture('bert'));
    const expected = await readExpected('bert-adapters');
    const inputs = expected.inputs(0)!;
    const adapters = createAdapters(encoder, { width: 3 }, random);
    const small = flattenParameters(adapters);
    expect(small.size).toBe(16);
    for (const [name, variable] of small)
      variable.assign(tf.tensor(expected.values(name)!, [...variable.shape]));
    const norms = [...flattenParameters(encoder.parameters)].filter(([name]) =>
      /^layers\..*norm\d/.test(name),
    );
    const probe = tf.tensor(expected.values('probe')!, [3, 7, 8]);
    const mask = tf.expandDims(tf.cast(inputs.mask!, 'float32'), -1);
    const run = compile(() => {
      const hidden = (): tf.Tensor =>
        encoder.encode(withAdapters(encoder.parameters, adapters), inputs).hidden;
      const { grads } = tf.variableGrads(
        () => tf.sum(tf.mul(tf.mul(hidden(), probe), mask)),
        [...small.values(), ...norms.map(([, variable]) => variable)],
      );
      return { hidden: hidden(), grads };
    });
    const { hidden, grads } = run();
    const want = expected.values('0.hidden')!;
    close(tokensOf(hidden.dataSync(), inputs), tokensOf(want, inputs), 1e-5, 'hidden');
    for (const [name, variable] of [...small, ...norms]) {
      const theirs =
        expected.values(`gradient.${name}`) ?? expected.values(`gradient.${encoder.names.get(name)!}`)!;
      close(grads[variable.name]!.dataSync(), theirs, 1e-4, name);
    }
    run.dispose();
    encoder.dispose();
  });
});

describe('a tower with adapters', () => {
  it('begins as the encoder, and trains bottlenecks and normalisations alone', async () => {
    await selectBackend('ort', { threads: 1, log: () => undefined });
    const encoder = await loadEncoder(fixture('bert'));
    const inputs = (await readExpected('bert')).inputs(0)!;
    const tower = encoderTower(encoder, { tuning: { adapters: { width: 2 } } }, random);
    const content = { ids: inputs.ids!, mask: inputs.mask! };
    const vectors = tower.vectors(tower.parameters, content).dataSync();
    close(vectors, encoder.vectors(encoder.parameters, inputs).dataSync(), 1e-6, 'vectors');
    expect(tower.trained).toHaveLength(2 * (4 + 8));
    for (const name of tower.trained)
      expect(name).toMatch(/^(weights\.layers\.\d\.norm[12]|adapters\.layers\.\d\.adapter[12]\.(down|up))\./);
    const all = flattenParameters(tower.parameters);
    for (const name of tower.trained) expect(all.has(name), name).toBe(true);
    expect(() => encoderTower(encoder, { tuning: { adapters: { width: 0 } } }, random)).toThrow(
      'width must be',
    );
    encoder.dispose();
  });

  it.each(['swin', 'resnet-basic'])('of %s is refused', async (name) => {
    const encoder = await loadEncoder(fixture(name));
    expect(() => encoderTower(encoder, { tuning: { adapters: { width: 2 } } }, random)).toThrow(
      /layers of a (swin|resnet) take no adapters/,
    );
    encoder.dispose();
  });
});
