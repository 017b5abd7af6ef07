import { tf } from '../../src/tfjs.js';
import { randomSource } from '../../src/index.ts';
import { float, int, kernel, type Case, type Input } from './cases.ts';
import { SIDE } from './large.ts';
import { gatheredCases } from './own.ts';
import { packedCases } from './packed.ts';

const both = (make: (input: (shape: readonly number[]) => Input) => Case[]): Case[] =>
  [
    ...make((shape) => float(shape)),
    ...make((shape) => int(shape)).map(({ gradient, ...row }) => ({
      ...row,
      name: `int32 ${row.name}`,
      gradient: gradient && [],
    })),
  ].map(({ gradient, ...row }) => ({ ...row, ...(gradient ? { gradient } : {}) }));

/** Rows of a sum over repeated ids: below and above the size from which a host kernel adds them. */
const SUMS: [number, number, number][] = [
  [2000, 128, 100],
  [8192, 128, 500],
  [300_000, 1, 5000],
];

const NORM = ['LayerNorm', [1024, 300]] as const;

/** Kernels that read or write by index, and the backend's own, large. */
export const largeIndexed: Case[] = [
  ...both((input) =>
    (
      [
        [[500, 256], [2048], 0, 0],
        [[500, 64], [64, 64], 0, 0],
        [[64, 10, 64], [100], 1, 0],
        [[4, 8, 64], [4, 1600], 1, 1],
      ] as [number[], number[], number, number][]
    ).map(([x, ids, axis, batch]): Case => ({
      kernel: 'GatherV2',
      name: `[${x.join(', ')}] [${ids.join(', ')}] axis ${axis} batch ${batch}`,
      inputs: [input(x), int(ids, { below: x[axis]! })],
      run: (a, b) => tf.gather(a, b, axis, batch),
      // The gradient of the cpu backend goes over all rows once for every row of the table.
      ...(axis === 0 ? { onCpu: gatherRows } : {}),
      gradient: [0],
    })),
  ),
  ...both((input) => [
    {
      kernel: 'GatherNd',
      name: 'pairs',
      inputs: [input([60, 60, 128]), int([3000, 2], { below: 60 })],
      run: (a, b) => tf.gatherND(a, b),
    },
  ]),
  ...both((input) =>
    SUMS.flatMap(([n, width, count]): Case[] => [
      {
        kernel: 'UnsortedSegmentSum',
        name: `[${n}, ${width}] into ${count}`,
        inputs: [input([n, width]), int([n], { below: count })],
        run: (a, b) => tf.unsortedSegmentSum(a, b as tf.Tensor1D, count),
        gradient: [0],
        // The cpu backend turns sums of integers into floats, and adds each row to all segments: an addition per row here.
        onCpu: (a, b) => scatterAdd(b, a, [count, width]),
      },
      {
        kernel: 'ScatterNd',
        name: `[${n}, ${width}] into ${count}`,
        inputs: [int([n, 1], { below: count }), input([n, width])],
        run: (a, b) => tf.scatterND(a, b, [count, width]),
      },
    ]),
  ),
  ...both((input) => [
    {
      kernel: 'TensorScatterUpdate',
      name: 'repeated rows',
      inputs: [input([500, 256]), int([1024, 1], { below: 400 }), input([1024, 256])],
      run: (t, a, b) => tf.tensorScatterUpdate(t, a, b),
    },
    {
      kernel: 'SparseToDense',
      name: 'pairs',
      inputs: [int([100_000, 2], { below: SIDE }), input([100_000]), input([])],
      run: (a, b, c) => tf.sparseToDense(a, b, [SIDE, SIDE], c as tf.Scalar),
    },
    ...(['Bincount', 'DenseBincount'] as const).flatMap((name) =>
      [100_000, 300_000].map((n): Case => ({
        kernel: name,
        name: `${n} weighted`,
        inputs: [int([n], { below: 1000 }), input([n])],
        run: (x, weights) => kernel(name, { x: x, weights: weights }, { size: 990, binaryOutput: false }),
      })),
    ),
    {
      kernel: 'DenseBincount',
      name: 'rows',
      inputs: [int([SIDE, SIDE], { below: 100 }), input([SIDE, SIDE])],
      run: (x, weights) =>
        kernel('DenseBincount', { x: x, weights: weights }, { size: 90, binaryOutput: false }),
    },
    {
      kernel: 'SearchSorted',
      name: 'counts',
      inputs: [input([32, 200]), input([32, 128])],
      run: (s, v) => tf.searchSorted(tf.cumsum(tf.abs(s), 1), tf.mul(v, v), 'left'),
    },
  ]),
  ...gatheredCases(900, [[300, 101, 66]]),
  ...packedCases([[300, 170, 190]], [[900, 66, 5000]]),
  {
    kernel: 'OneHot',
    name: 'float32',
    inputs: [int([2048], { below: 260 })],
    run: (x) => tf.oneHot(x, 256),
  },
  { kernel: 'Diag', name: 'float32', inputs: [float([700])], run: (x) => kernel('Diag', { x: x }) },
  {
    kernel: NORM[0],
    name: `[${NORM[1].join(', ')}]`,
    inputs: [float(NORM[1]), float([300]), float([300])],
    run: (x, gamma, beta) =>
      (
        kernel('LayerNorm', { x: x, gamma: gamma, beta: beta }, { epsilon: 1e-3 }) as unknown as tf.Tensor[]
      )[0]!,
    onCpu: (x, gamma, beta) => {
      const { mean, variance } = tf.moments(x, -1, true);
      return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-3))), gamma), beta);
    },
  },
  {
    kernel: 'KeepMask',
    name: 'of a key',
    inputs: [int([4], { below: 1_000_000 })],
    run: (key) => randomSource(key).keepMask([SIDE, SIDE], 0.3),
  },
  {
    kernel: 'UniformNumbers',
    name: 'of a key',
    inputs: [int([4], { below: 1_000_000 })],
    run: (key) => randomSource(key).uniform([SIDE, SIDE]),
  },
];

/** Gathers rows, with a gradient by the cpu backend's scatterND. */
function gatherRows(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  const [count, width] = table.shape as [number, number];
  const gather = tf.customGrad(() => ({
    value: tf.gather(table, ids),
    gradFunc: (dy) => tf.scatterND(tf.reshape(ids, [-1, 1]), tf.reshape(dy, [-1, width]), [count, width]),
  }));
  return gather(table);
}

/** Sums over ids by the cpu backend's scatterND, whose gradient tfjs lacks: that of a sum over ids is a gather. */
function scatterAdd(ids: tf.Tensor, rows: tf.Tensor, shape: [number, number]): tf.Tensor {
  const add = tf.customGrad(() => ({
    value: tf.scatterND(tf.reshape(ids, [-1, 1]), rows, shape),
    gradFunc: (dy) => tf.gather(dy, ids),
  }));
  return add(rows);
}
