import { afterAll, beforeAll, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { adamControl, adamUpdate, compile, registerOrtBackend, supportedKernels } from '../src/index.ts';
import { noise, type Case } from './support/cases.ts';
import { sameBits } from './support/exact.ts';
import { expectClose } from './support/harness.ts';
import { checkLarge, profileFolder, SIDE, type Splits } from './support/large.ts';
import { LARGE } from './support/largeTable.ts';

/** The first row of each kernel; largeRows.slow.test.ts has them all. */
const ROWS: readonly Case[] = [...new Map([...LARGE].reverse().map((row) => [row.kernel, row])).values()];

/**
 * Two change their inputs instead of computing: tested below, and lazy Adam in the package nn. Sparse products have
 * threads of their own: sparse.test.ts. Counts of a row have no gradient: rowCounts.test.ts; nor have distances:
 * nearestDistances.test.ts. What says when something is computed again is in graphs alone: recomputed.test.ts.
 */
const ELSEWHERE = [
  'AdamUpdate',
  'After',
  'LazyAdamUpdate',
  'NearestDistances',
  'RowCounts',
  'SparsePolynomial',
  'SparsePolynomialOfRows',
];

/** Kernels of which no node is left here for ONNX Runtime: constants, views, host kernels (one thread), and `After`. */
const NO_NODE = (
  'AdamUpdate After ExpandDims Fill GatheredProducts GatheredSums Identity KeepMask LazyAdamUpdate LinSpace ' +
  'NearestDistances OnesLike Range Reshape RowCounts ' +
  'ScatteredSums SparsePolynomial SparsePolynomialOfRows UniformNumbers UnsortedSegmentSum ZerosLike'
).split(' ');

/**
 * Kernels whose operators ONNX Runtime 1.30 runs in one thread, also at sixteen times this size; and `ScatterNd`, whose
 * sums are a host kernel's.
 */
const ONE_THREAD = (
  'Acos Acosh Asin Asinh Atan Atanh BatchToSpaceND BroadcastTo Cast Cos Cosh Cumsum FlipLeftRight IsInf IsNan ' +
  'HalvesAsFloats LogicalNot Minimum PadV2 Reverse Round ScatterNd Select Sign Sin Sinh Slice SpaceToBatchND ' +
  'SplitV StridedSlice Tan Tile Unpack'
).split(' ');

const profiles = profileFolder();
const splits: Splits = new Map();

beforeAll(() => {
  registerOrtBackend({ threads: 2, profile: profiles.prefix });
});
afterAll(async () => {
  await tf.setBackend('cpu');
  profiles.remove();
});

it('the table has a row for every kernel', () => {
  const rows = new Set([...ROWS.map((row) => row.kernel), ...ELSEWHERE]);
  expect(supportedKernels().filter((name) => !rows.has(name))).toEqual([]);
});

it.each(ROWS.map((row) => [row.kernel, row.name, row] as const))('%s %s', async (_kernel, _name, row) => {
  await checkLarge(row);
  for (const [kernel, split] of profiles.take()) splits.set(kernel, split || splits.get(kernel) === true);
});

it('AdamUpdate', async () => {
  await tf.setBackend('ort');
  const shape = [SIDE, SIDE];
  const n = SIDE * SIDE;
  const settings = { learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1 };
  const start = [noise(n, 1), noise(n, 2), noise(n, 3).map(Math.abs), noise(n, 4)] as const;
  const run = () => {
    const results: ArrayBufferView[] = [];
    tf.tidy(() => {
      const [value, m, v] = start.slice(0, 3).map((data) => tf.variable(tf.tensor(data.slice(), shape)));
      const slot = { value: value!, m: m!, v: v! };
      const step = compile((gradient: tf.Tensor, control: tf.Tensor) => {
        adamUpdate({ ...slot, gradient, control });
      });
      step(tf.tensor(start[3], shape), tf.tensor1d(adamControl({ ...settings, step: 1 })));
      results.push(...Object.values(slot).map((variable) => variable.dataSync().slice()));
      step.dispose();
      tf.dispose(slot);
    });
    return results as Float32Array[];
  };
  const first = run();
  for (let i = 0; i < 3; i++)
    run().forEach((values, k) => {
      expect(sameBits(values, first[k]!)).toBe(true);
    });
  const { learningRate, beta1, beta2, epsilon, weightDecay } = settings;
  const m = start[1].map((old, i) => beta1 * old + (1 - beta1) * start[3][i]!);
  const v = start[2].map((old, i) => beta2 * old + (1 - beta2) * start[3][i]! ** 2);
  const value = start[0].map(
    (old, i) =>
      old * (1 - learningRate * weightDecay) -
      (learningRate * m[i]!) / (1 - beta1) / (Math.sqrt(v[i]! / (1 - beta2)) + epsilon),
  );
  [value, m, v].forEach((expected, k) => {
    expectClose(first[k]!, expected, 1e-5);
  });
});

it('the sizes are large: ONNX Runtime split every kernel between threads, but for those that it never splits', () => {
  expect(supportedKernels().filter((kernel) => !splits.has(kernel))).toEqual(NO_NODE);
  const known = new Set([...NO_NODE, ...ONE_THREAD]);
  expect(supportedKernels().filter((kernel) => splits.get(kernel) !== true && !known.has(kernel))).toEqual(
    [],
  );
});
