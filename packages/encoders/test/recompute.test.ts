/** Layers that are computed again for the gradient: the numbers of the plain step, on both backends. */
import { compile, randomKey, RandomStream, randomSource, selectBackend, tf } from '@ferry/engine';
import { flattenParameters } from '@ferry/nn';
import { afterAll, describe, expect, it } from 'vitest';
import { createEncoder, encoderTower, loadEncoder, type Tuning } from '../src/index.ts';
import { close, fixture, readExpected } from './expected.ts';
import { families } from './families.ts';

const random = RandomStream.fromSeed(1);

afterAll(async () => {
  await selectBackend('cpu', { log: () => undefined });
});

/** Loss and gradients of a tower whose segments have so many layers; 0: nothing is computed again. */
async function gradients(
  name: string,
  recompute: number,
  { modality, tuning = 'all' }: { modality?: 'text' | 'image'; tuning?: Tuning } = {},
) {
  const encoder = await loadEncoder(fixture(name), modality && { modality });
  const inputs = (await readExpected(name, modality)).inputs(0)!;
  const tower = encoderTower(encoder, { tuning, recompute }, random);
  const all = flattenParameters(tower.parameters);
  const trained = tower.trained.map((weight) => all.get(weight)!);
  const step = compile(
    (given: typeof inputs, key: tf.Tensor) => {
      const loss = (): tf.Scalar =>
        tf.mean(tf.square(tower.vectors(tower.parameters, { ...given }, randomSource(key))));
      const { value, grads } = tf.variableGrads(loss, trained);
      return { value, grads: trained.map((variable) => grads[variable.name]!) };
    },
    { name: `${name}.${recompute}` },
  );
  const before = tf.memory().numTensors;
  const key = randomKey(random, 3);
  const { value, grads } = step(inputs, key);
  const nodes = step.programs()[0]?.nodes ?? 0;
  const found = { loss: value.dataSync(), gradients: grads.map((one) => one.dataSync()), nodes };
  tf.dispose([value, grads, key]);
  expect(tf.memory().numTensors).toBe(before);
  step.dispose();
  encoder.dispose();
  return found;
}

describe.each(['ort', 'cpu'] as const)('on %s', (backend) => {
  it.each(families)('$name', async ({ name, folder = name, modality }) => {
    await selectBackend(backend, { threads: 1, log: () => undefined });
    const plain = await gradients(folder, 0, { modality });
    for (const recompute of [1, 2]) {
      const again = await gradients(folder, recompute, { modality });
      close(again.loss, plain.loss, 1e-6, 'loss');
      // A graph computes equal things once: here they must be computed twice.
      if (backend === 'ort') expect(again.nodes).toBeGreaterThan(1.2 * plain.nodes);
      again.gradients.forEach((gradient, i) => {
        close(gradient, plain.gradients[i]!, 1e-6, String(i));
      });
    }
  });

  it.each<{ tuning: Tuning }>([
    { tuning: { lora: { rank: 2 } } },
    { tuning: { adapters: { width: 3 } } },
    { tuning: { layers: 1 } },
    { tuning: 'bitfit' },
  ])('$tuning', async ({ tuning }) => {
    await selectBackend(backend, { threads: 1, log: () => undefined });
    const plain = await gradients('bert', 0, { tuning });
    const again = await gradients('bert', 1, { tuning });
    again.gradients.forEach((gradient, i) => {
      close(gradient, plain.gradients[i]!, 1e-6, String(i));
    });
  });
});

it('is refused for statistics that each computation would move, and for no count', () => {
  const config = { model_type: 'resnet', depths: [1, 1], hidden_sizes: [8, 8], embedding_size: 8 };
  const encoder = createEncoder(config, random, { modality: 'image', statistics: 'running' });
  const inputs = { pixels: tf.zeros([1, 3, 8, 8]) };
  const source = randomSource(randomKey(random, 0));
  expect(() => encoder.vectors(encoder.parameters, inputs, source, { recompute: 1 })).toThrow(
    'recompute is not for statistics running',
  );
  expect(() => encoder.vectors(encoder.parameters, inputs, undefined, { recompute: 0.5 })).toThrow(
    'recompute must be a count of layers, got 0.5',
  );
  encoder.dispose();
});
