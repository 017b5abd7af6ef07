/**
 * Every family against transformers: outputs of several rows with padding, of odd lengths and of one row; gradients
 * of all weights; five steps of AdamW.
 * A row of the table is a family. Fixtures: tools/parity/encoders.py.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile, selectBackend, tf } from '@ferry/engine';
import { createOptimizer, flattenParameters, readSafetensors } from '@ferry/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Encoder, type EncoderInputs, loadEncoder, saveEncoder } from '../src/index.ts';
import { close, type Expected, fixture, readExpected, tokensOf } from './expected.ts';
import { families } from './families.ts';

/** The loss of the script: outputs times fixed numbers, over tokens that are no padding. */
function lossOf(encoder: Encoder, inputs: EncoderInputs, probes: readonly tf.Tensor[]): tf.Scalar {
  const { hidden, pooled } = encoder.encode(encoder.parameters, inputs);
  const probed = tf.mul(hidden, probes[0]!);
  const kept = inputs.mask ? tf.mul(probed, tf.expandDims(tf.cast(inputs.mask, 'float32'), -1)) : probed;
  const loss = tf.sum(kept);
  return (pooled ? tf.add(loss, tf.sum(tf.mul(pooled, probes[1]!))) : loss) as tf.Scalar;
}

function probesOf(encoder: Encoder, inputs: EncoderInputs, expected: Expected): tf.Tensor[] {
  const { hidden, pooled } = encoder.encode(encoder.parameters, inputs);
  return [hidden, pooled].flatMap((x, i) => (x ? [tf.tensor(expected.values(`probe.${i}`)!, x.shape)] : []));
}

/** The trained weights of a fixture by their own names, and the gradient of each. */
function gradientsOf(encoder: Encoder, expected: Expected, prefix = '') {
  return [...flattenParameters(encoder.parameters)].flatMap(([own, variable]) => {
    const theirs = encoder.names.get(own)!;
    const values = expected.values(`gradient.${prefix}${theirs}`) ?? expected.values(`gradient.${theirs}`);
    return values ? [{ own, variable, values }] : [];
  });
}

describe.each(['ort', 'cpu'] as const)('on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend, { threads: 1, log: () => undefined });
  });

  describe.each(families)('$name', ({ name, folder = name, modality, prefix }) => {
    const load = () => loadEncoder(fixture(folder), modality && { modality });

    it('gives the outputs of transformers', async () => {
      const [encoder, expected] = [await load(), await readExpected(folder, modality)];
      const run = compile((inputs: EncoderInputs) => encoder.encode(encoder.parameters, inputs));
      let cases = 0;
      for (let inputs; (inputs = expected.inputs(cases)); cases++) {
        const { hidden, pooled } = run(inputs);
        const want = expected.values(`${cases}.hidden`)!;
        close(tokensOf(hidden.dataSync(), inputs), tokensOf(want, inputs), 1e-5, `hidden of case ${cases}`);
        const wanted = expected.values(`${cases}.pooled`);
        expect(pooled !== undefined).toBe(wanted !== undefined);
        if (pooled) close(pooled.dataSync(), wanted!, 1e-5, `pooled of case ${cases}`);
      }
      expect(cases).toBe(3);
      run.dispose();
      encoder.dispose();
    });

    it('has the gradients of all weights', async () => {
      const [encoder, expected] = [await load(), await readExpected(folder, modality)];
      const inputs = expected.inputs(0)!;
      const probes = probesOf(encoder, inputs, expected);
      const named = gradientsOf(encoder, expected, prefix);
      const gradients = compile((given: EncoderInputs, fixed: tf.Tensor[]) =>
        tf.variableGrads(
          () => lossOf(encoder, given, fixed),
          named.map(({ variable }) => variable),
        ),
      );
      const { grads } = gradients(inputs, probes);
      // Every gradient of the fixture is looked at.
      expect(named).toHaveLength(expected.names.filter((key) => key.startsWith('gradient.')).length);
      for (const { own, variable, values } of named)
        close(grads[variable.name]!.dataSync(), values, 1e-4, own);
      gradients.dispose();
      encoder.dispose();
    });

    it('takes the steps of AdamW', async () => {
      const [encoder, expected] = [await load(), await readExpected(folder, modality)];
      const inputs = expected.inputs(0)!;
      const probes = probesOf(encoder, inputs, expected);
      const trained = new Map(
        gradientsOf(encoder, expected, prefix).map(({ own, variable }) => [own, variable]),
      );
      const optimizer = createOptimizer(
        { kind: 'adamw', learningRate: 1e-3, weightDecay: 0.01, decay: ['**'] },
        trained,
      );
      const step = compile((given: EncoderInputs, fixed: tf.Tensor[]) => {
        const { value, grads } = tf.variableGrads(() => lossOf(encoder, given, fixed), [...trained.values()]);
        optimizer.apply(grads);
        return value;
      });
      const losses: number[] = [];
      for (let i = 0; i < 5; i++) {
        optimizer.advance(i);
        losses.push(step(inputs, probes).dataSync()[0]!);
      }
      close(losses, expected.values('losses')!, 1e-4, 'losses');
      const { hidden } = encoder.encode(encoder.parameters, inputs);
      const after = expected.values('after.hidden')!;
      close(tokensOf(hidden.dataSync(), inputs), tokensOf(after, inputs), 1e-4, 'outputs after five steps');
      step.dispose();
      optimizer.dispose();
      encoder.dispose();
    });
  });
});

it("the folder of a sentence encoder gives its modules' vectors", async () => {
  await selectBackend('ort', { threads: 1, log: () => undefined });
  const directory = await mkdtemp(join(tmpdir(), 'ferry-encoder-'));
  const [encoder, expected] = [await loadEncoder(fixture('minilm')), await readExpected('minilm')];
  await saveEncoder(directory, encoder);
  for (const opened of [encoder, await loadEncoder(directory)]) {
    expect([opened.pooling, opened.normalise]).toEqual(['mean', true]);
    for (let i = 0, inputs; (inputs = expected.inputs(i)); i++)
      close(
        opened.vectors(opened.parameters, inputs).dataSync(),
        expected.values(`${i}.vectors`)!,
        1e-5,
        'vectors',
      );
    opened.dispose();
  }
  await rm(directory, { recursive: true });
});

describe.each(families)('a saved $name', ({ name, folder = name, modality, prefix = '' }) => {
  it('is the folder it was read from', async () => {
    await selectBackend('cpu');
    const directory = await mkdtemp(join(tmpdir(), 'ferry-encoder-'));
    const encoder = await loadEncoder(fixture(folder), modality && { modality });
    await saveEncoder(directory, encoder);
    const before = await readSafetensors(join(fixture(folder), 'model.safetensors'));
    const after = await readSafetensors(join(directory, 'model.safetensors'));
    for (const [key, tensor] of after.tensors)
      expect(tensor, key).toEqual(before.tensors.get(prefix + key) ?? before.tensors.get(key));
    expect(before.tensors.size - after.tensors.size).toBe(encoder.ignored.length);
    expect(after.metadata).toEqual({ format: 'pt' });
    const text = await readFile(join(directory, 'config.json'), 'utf8');
    const config = JSON.parse(text) as object;
    // Python refuses a whole number where it wants a float: those of this family stay what they were.
    const floats = (from: string): string[] => from.match(/"\w+": -?\d+(\.\d+)?([eE][+-]?\d+)?(?=[,\s])/g)!;
    const source = floats(await readFile(join(fixture(folder), 'config.json'), 'utf8'));
    for (const line of floats(text)) if (!line.includes('mask_ratio')) expect(source).toContain(line);
    expect(config).toHaveProperty('architectures.0', expect.stringMatching(/Model/));
    const again = await loadEncoder(directory, modality && { modality });
    expect(again.width).toBe(encoder.width);
    encoder.dispose();
    again.dispose();
    await rm(directory, { recursive: true });
  });
});
