import { tf } from '../../src/tfjs.js';
import { float, int, kernel, type Case } from './cases.ts';
import { packedCases } from './packed.ts';

/** Rows of the kernels that read table rows by ids [R, K], for tables [count, D]. */
export function gatheredCases(count: number, sizes: [R: number, K: number, D: number][]): Case[] {
  return sizes.flatMap(([R, K, D]): Case[] => {
    const ids = int([R, K], { below: count });
    const name = `[${R}, ${K}, ${D}]`;
    const outer = (weights: tf.Tensor, rows: tf.Tensor): tf.Tensor =>
      tf.reshape(tf.mul(tf.reshape(weights, [R, K, 1]), tf.reshape(rows, [R, 1, D])), [R * K, D]);
    return [
      {
        kernel: 'GatheredProducts',
        name,
        inputs: [float([R, D]), float([count, D]), ids],
        run: (queries, table, i) => kernel('GatheredProducts', { queries, table, ids: i }),
        onCpu: (queries, table, i) =>
          tf.reshape(tf.matMul(tf.gather(table, i), tf.reshape(queries, [R, D, 1])), [R, K]),
      },
      {
        kernel: 'GatheredSums',
        name,
        inputs: [float([R, K]), float([count, D]), ids],
        run: (weights, table, i) => kernel('GatheredSums', { weights, table, ids: i }),
        onCpu: (weights, table, i) =>
          tf.reshape(tf.matMul(tf.reshape(weights, [R, 1, K]), tf.gather(table, i)), [R, D]),
      },
      {
        kernel: 'ScatteredSums',
        name,
        inputs: [float([R, K]), float([R, D]), ids],
        run: (weights, rows, i) => kernel('ScatteredSums', { weights, rows, ids: i }, { count }),
        onCpu: (weights, rows, i) =>
          tf.scatterND(tf.reshape(i, [R * K, 1]), outer(weights, rows), [count, D]),
      },
    ];
  });
}

/** Kernels of the backend's own operations whose results are tensors. */
export const ownCases: Case[] = [
  ...[[5], [2, 3], [2, 1, 4], [3, 1], [0, 3]].map((shape): Case => ({
    kernel: 'LayerNorm',
    name: `[${shape.join(', ')}]`,
    inputs: [float(shape), float([shape.at(-1)!]), float([shape.at(-1)!])],
    run: (x, gamma, beta) =>
      (
        kernel('LayerNorm', { x: x, gamma: gamma, beta: beta }, { epsilon: 1e-3 }) as unknown as tf.Tensor[]
      )[0]!,
    onCpu: (x, gamma, beta) => {
      const { mean, variance } = tf.moments(x, -1, true);
      return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-3))), gamma), beta);
    },
  })),
  ...[
    [3, 5],
    [2, 8],
    [1, 1],
  ].map(([B, C]): Case => ({
    kernel: 'RowCounts',
    name: `[${B!}, ${C!}]`,
    inputs: [float([B!, C!]), float([B!, 1])],
    run: (scores, own) => kernel('RowCounts', { scores: scores, own: own, from: tf.scalar(0, 'int32') }),
    onCpu: (scores, own) =>
      tf.stack(
        [tf.greater, tf.equal, tf.less].map((compare) => tf.sum(tf.cast(compare(scores, own), 'float32'), 1)),
      ),
  })),
  ...[
    [3, 5, 2],
    [2, 9, 9],
    [1, 1, 1],
  ].map(([R, C, k]): Case => ({
    kernel: 'NearestDistances',
    name: `[${R!}, ${C!}] k ${k!}`,
    inputs: [float([R!, C!]), float([R!, 1]), float([1, C!])],
    run: (products, norms, columnNorms) => {
      const inputs = { products: products, norms: norms, columnNorms: columnNorms };
      const found = kernel('NearestDistances', inputs, { k: k!, kept: k!, tolerance: 0 });
      return tf.slice((found as unknown as tf.Tensor2D[])[0]!, [0, 2]);
    },
    onCpu: (products, norms, columnNorms) => {
      const squares = tf.relu(tf.add(products, tf.add(norms, columnNorms)));
      const { values, indices } = tf.topk(tf.neg(squares), k);
      return tf.concat([tf.max(squares, 1, true), tf.neg(values), tf.cast(indices, 'float32')], 1);
    },
  })),
  ...gatheredCases(7, [
    [5, 3, 4],
    [2, 8, 6],
    [1, 1, 1],
    [3, 6, 9],
  ]),
  ...packedCases(
    [
      [5, 8, 4],
      [3, 7, 5],
      [1, 1, 1],
      [0, 2, 4],
      // More words than a graph holds as a constant.
      [2, 70, 64],
    ],
    [
      [6, 4, 9],
      [3, 3, 1],
      [1, 1, 2],
    ],
  ),
];
