import { tf } from '../../src/tfjs.js';
import {
  attention,
  embedding,
  gelu,
  layerNorm,
  linear,
  softmaxCrossEntropy,
  sumOfSquares,
} from '../../src/index.ts';
import { float, int, type Case } from './cases.ts';

const label = (...shapes: readonly (readonly number[])[]) => shapes.map((s) => `[${s.join(', ')}]`).join(' ');

/** q, k and v, heads, then whether there is a bias and a dropout mask. */
const ATTENTIONS: [number[], number[], number, boolean, boolean][] = [
  [[2, 3, 8], [2, 5, 8], 2, true, true],
  [[2, 3, 8], [2, 5, 8], 2, false, false],
  [[2, 1, 6], [2, 4, 6], 3, true, false],
  [[1, 1, 1], [1, 1, 1], 1, false, true],
  [[2, 4, 4], [2, 4, 4], 1, true, true],
];

/** The backend's own operations; on cpu they are composed of tfjs's. The kernel is one that each needs. */
export const operationCases: Record<string, Case[]> = {
  linear: (
    [
      [
        [2, 3, 4],
        [5, 4],
      ],
      [[4], [5, 4]],
      [
        [1, 1],
        [1, 1],
      ],
      [
        [0, 4],
        [2, 4],
      ],
    ] as [number[], number[]][]
  ).flatMap(([x, weight]): Case[] => [
    {
      kernel: 'BatchMatMul',
      name: `${label(x, weight)} with bias`,
      inputs: [float(x), float(weight), float([weight[0]!])],
      run: (a, w, b) => linear(a, w, b),
      ...(x.includes(0) ? {} : { gradient: [0, 1, 2] }),
    },
    {
      kernel: 'BatchMatMul',
      name: label(x, weight),
      inputs: [float(x), float(weight)],
      run: (a, w) => linear(a, w),
      gradient: [0, 1],
    },
  ]),
  layerNorm: [[2, 3, 5], [4], [2, 1], [3, 8], [0, 3]].map((x): Case => ({
    kernel: 'LayerNorm',
    name: label(x),
    inputs: [float(x), float([x.at(-1)!], 'positive'), float([x.at(-1)!])],
    run: (a, gamma, beta) => layerNorm(a, gamma, beta, 1e-3),
    ...(x.includes(0) ? {} : { gradient: [0, 1, 2] }),
  })),
  gelu: [[2, 3], [], [1], [0, 2]].map((x): Case => ({
    kernel: 'Erf',
    name: label(x),
    inputs: [float(x)],
    run: (a) => gelu(a),
    gradient: [0],
  })),
  attention: ATTENTIONS.map(([q, k, heads, biased, dropped]): Case => ({
    kernel: 'Softmax',
    name: `${label(q, k)} ${heads} heads${biased ? ' bias' : ''}${dropped ? ' dropout' : ''}`,
    inputs: [float(q), float(k), float(k)],
    run: (a, b, c) => {
      const [B, Lq] = q as [number, number];
      const Lk = k[1]!;
      // The last key is hidden from every second example, if there is another.
      const hidden = Array.from({ length: B * Lk }, (_, i) =>
        i % Lk === Lk - 1 && Lk > 1 && i < Lk ? -1e9 : 0,
      );
      const keep = Array.from({ length: B * heads * Lq * Lk }, (_, i) => (i % 3 === 0 ? 0 : 1.5));
      return attention(a, b, c, {
        heads,
        ...(biased ? { bias: tf.tensor(hidden, [B, 1, 1, Lk]) } : {}),
        ...(dropped ? { keep: tf.tensor(keep, [B, heads, Lq, Lk]) } : {}),
      });
    },
    gradient: [0, 1, 2],
  })),
  // Offsets of each example, or shared by all of them.
  'attention with offsets': [2, 1].map((examples): Case => ({
    kernel: 'Softmax',
    name: label([2, 3, 8], [2, 5, 8], [examples, 2, 3, 5]),
    inputs: [float([2, 3, 8]), float([2, 5, 8]), float([2, 5, 8]), float([examples, 2, 3, 5])],
    run: (a, b, c, offsets) => attention(a, b, c, { heads: 2, offsets }),
    gradient: [0, 1, 2, 3],
  })),
  softmaxCrossEntropy: [
    ...(
      [
        [[3, 5], 0],
        [[3, 5], 0.2],
        [[1, 1], 0],
        [[4, 2], 0.1],
      ] as [[number, number], number][]
    ).map(([logits, smoothing]): Case => ({
      kernel: 'Exp',
      name: `${label(logits)} smoothing ${smoothing}`,
      inputs: [float(logits), int([logits[0]], { below: logits[1] })],
      run: (x, labels) => softmaxCrossEntropy(x, labels, smoothing),
      gradient: [0],
    })),
    {
      kernel: 'Exp',
      name: 'hidden classes and large scores',
      inputs: [float([2, 3], [-Infinity, 1, 2, 900, 1000, -1000]), int([2], [2, 1])],
      run: (x, labels) => softmaxCrossEntropy(x, labels),
      notUniform: 'a label of probability 0',
    },
  ],
  embedding: (
    [
      [[5, 3], [4]],
      [
        [5, 3],
        [2, 3],
      ],
      [[1, 1], [3]],
      [[4, 2], [0]],
    ] as [number[], number[]][]
  ).map(([table, ids]): Case => ({
    kernel: 'GatherV2',
    name: label(table, ids),
    inputs: [float(table), int(ids, { below: table[0]! })],
    run: (t, i) => embedding(t, i),
    gradient: [0],
  })),
  sumOfSquares: [[2, 3], [4], [2, 1, 5], [3, 1]].map((shape): Case => ({
    kernel: 'Square',
    name: label(shape),
    inputs: [float(shape)],
    run: (x) => sumOfSquares(x),
    onCpu: (x) => tf.sum(tf.square(x), -1, true),
    gradient: [0],
  })),
};
