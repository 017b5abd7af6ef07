import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { compile, registerOrtBackend } from '../src/index.ts';
import { provider } from './support/provider.ts';

beforeAll(() => {
  registerOrtBackend({ threads: 1, provider });
});
afterAll(() => tf.setBackend('cpu'));

type Loss = (x: tf.Tensor) => tf.Tensor;
const sum = (x: tf.Tensor) => tf.sum(x);

/** As PyTorch's amax, amin, norm, abs, prod, logsumexp and sqrt have them; a root of squares has what the norm has. */
const CASES: [name: string, loss: Loss, x: number[], wanted: number[]][] = [
  ['max with a tie', (x) => tf.max(x), [1, 3, 3], [0, 0.5, 0.5]],
  ['max of equal entries', (x) => tf.max(x), [2, 2, 2, 2], [0.25, 0.25, 0.25, 0.25]],
  ['max of rows', (x) => sum(tf.max(tf.reshape(x, [2, 2]), 1)), [1, 1, 0, 5], [0.5, 0.5, 0, 1]],
  [
    'max of columns, axis kept',
    (x) => sum(tf.max(tf.reshape(x, [2, 2]), 0, true)),
    [1, 1, 1, 0],
    [0.5, 1, 0.5, 0],
  ],
  ['min with a tie', (x) => tf.min(x), [3, 1, 1], [0, 0.5, 0.5]],
  ['max beside a NaN', (x) => tf.max(x), [1, NaN, 3], [NaN, NaN, NaN]],
  ['maximum of a tensor with itself', (x) => sum(tf.maximum(x, x)), [1, -2], [1, 1]],
  ['norm at 0', (x) => tf.norm(x), [0, 0], [0, 0]],
  [
    'norms of rows, one of them 0',
    (x) => sum(tf.norm(tf.reshape(x, [2, 2]), 2, 1)),
    [0, 0, 3, 4],
    [0, 0, 0.6, 0.8],
  ],
  [
    'Frobenius norm at 0',
    (x) => sum(tf.norm(tf.reshape(x, [2, 2]), 'fro', [0, 1])),
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ],
  ['norm of order 1 at 0', (x) => tf.norm(x, 1), [0, -2, 3], [0, -1, 1]],
  ['norm of order infinity at 0', (x) => tf.norm(x, Infinity), [0, 0], [0, 0]],
  ['root of a square at 0', (x) => sum(tf.sqrt(tf.square(x))), [0, -2], [0, -1]],
  [
    'distance of equal points',
    (x) => tf.sqrt(sum(tf.squaredDifference(x, tf.tensor1d([1, 2])))),
    [1, 2],
    [0, 0],
  ],
  ['root at 0 is infinitely steep', (x) => sum(tf.sqrt(x)), [0, 4], [Infinity, 0.25]],
  ['abs', (x) => sum(tf.abs(x)), [-2, 0, 3], [-1, 0, 1]],
  ['relu', (x) => sum(tf.relu(x)), [-2, 0, 3], [0, 0, 1]],
  ['prod with one 0', (x) => tf.prod(x), [2, 0, 3], [0, 6, 0]],
  ['prod with two', (x) => tf.prod(x), [0, 0, 3], [0, 0, 0]],
  ['logSumExp with a tie', (x) => tf.logSumExp(x), [1, 1], [0.5, 0.5]],
  ['a split into one part', (x) => sum(tf.square(tf.split(x, 1)[0]!)), [1, 3], [2, 6]],
  ['a split into two', (x) => sum(tf.square(tf.split(x, [1, 1])[1]!)), [1, 3], [0, 6]],
  ['one row unstacked', (x) => sum(tf.square(tf.unstack(tf.reshape(x, [1, 2]))[0]!)), [1, 3], [2, 6]],
  ['two rows unstacked', (x) => sum(tf.square(tf.unstack(x)[1]!)), [1, 3], [0, 6]],
];

describe.each(['cpu', 'ort', 'ort compiled'])('gradients on %s, where a slope is not one number', (where) => {
  beforeAll(() => tf.setBackend(where.split(' ')[0]!));

  it.each(CASES)('%s', (_name, loss, x, wanted) => {
    const gradient = tf.grad((t) => loss(t));
    const f = where === 'ort compiled' ? compile((t: tf.Tensor) => gradient(t)) : gradient;
    const { found } = tf.tidy(() => ({ found: Array.from(f(tf.tensor1d(x)).dataSync()) }));
    wanted.forEach((value, i) => {
      if (Number.isFinite(value)) expect(found[i]).toBeCloseTo(value, 6);
      else expect(found[i]).toBe(value);
    });
    if ('dispose' in f) (f as { dispose: () => void }).dispose();
  });
});
