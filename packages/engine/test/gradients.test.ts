import { expect, it } from 'vitest';
import { selectBackend, tf } from '../src/index.ts';

it('has right gradients where those of tfjs are wrong, on every backend, also without ort', async () => {
  await selectBackend('cpu');
  // max(x, y) with a broadcast y: each entry takes part where it is the larger one. tfjs's own gradient fails.
  const [dx, dy] = tf.grads((x, y) => tf.sum(tf.maximum(x, y)))([
    tf.tensor2d([
      [1, 5],
      [3, 2],
      [4, 4],
    ]),
    tf.tensor1d([2, 3]),
  ]);
  expect(dx!.arraySync()).toEqual([
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
  expect(dy!.arraySync()).toEqual([1, 1]);
});
