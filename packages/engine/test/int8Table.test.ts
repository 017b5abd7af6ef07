import { afterAll, expect, it } from 'vitest';
import { Int8Table, linear, selectBackend, tf } from '../src/index.ts';

afterAll(() => tf.setBackend('cpu'));

// Sums of products of integers that pass through 2^24 many times over: in float32, one product rounds them.
it.each(['ort', 'wasm', 'cpu'] as const)('sums of int8 products are exact on %s', async (backend) => {
  await selectBackend(backend, { threads: 1, log: () => undefined });
  const inputs = 8001;
  const weights = Float32Array.from({ length: inputs }, (_, at) => (at <= inputs / 2 ? 1 : -1));
  const sum = tf.tidy(() => {
    const own = new Int8Table(weights, [1, inputs]);
    const [found] = linear(tf.ones([1, inputs]), own).dataSync();
    own.dispose();
    return found;
  });
  expect(sum).toBeCloseTo(1, 6);
});

it.each(['ort', 'wasm', 'cpu'] as const)(
  'a NaN among the inputs does not disappear on %s',
  async (backend) => {
    await selectBackend(backend, { threads: 1, log: () => undefined });
    for (const place of [0, 4, 9]) {
      const given = Float32Array.from({ length: 10 }, (_, at) => (at === place ? NaN : at));
      const found = tf.tidy(() => {
        const own = new Int8Table(Float32Array.of(1, 2, 3, 4, 5), [1, 5]);
        const sums = linear(tf.tensor2d(given, [2, 5]), own).dataSync();
        own.dispose();
        return [...sums];
      });
      expect(found, `at ${place}`).toEqual([NaN, NaN]);
    }
  },
);
