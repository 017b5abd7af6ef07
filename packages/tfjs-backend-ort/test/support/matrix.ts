import { tf } from '../../src/tfjs.js';
import { float, int, kernel, type Case } from './cases.ts';

const label = (...shapes: readonly (readonly number[])[]) => shapes.map((s) => `[${s.join(', ')}]`).join(' ');

/** The shape with its last two axes exchanged. */
function swapped(shape: readonly number[]): number[] {
  return [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];
}

const ACTIVATIONS = ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const;

const PRODUCTS: [number[], number[]][] = [
  [
    [2, 3],
    [3, 4],
  ],
  [
    [1, 3],
    [3, 1],
  ],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [2, 3, 4],
    [2, 4, 5],
  ],
  [
    [2, 3, 4],
    [4, 5],
  ],
  [
    [3, 4],
    [2, 4, 5],
  ],
  [
    [0, 3],
    [3, 4],
  ],
  [
    [2, 0],
    [0, 3],
  ],
];

const EINSUMS: [string, number[][]][] = [
  [
    'ij,jk->ik',
    [
      [2, 3],
      [3, 4],
    ],
  ],
  [
    'bij,bjk->bik',
    [
      [2, 3, 4],
      [2, 4, 2],
    ],
  ],
  [
    'bqhd,bkhd->bhqk',
    [
      [2, 3, 2, 4],
      [2, 5, 2, 4],
    ],
  ],
  ['i,i->', [[3], [3]]],
  ['i,j->ij', [[3], [2]]],
  ['ij->ji', [[2, 3]]],
  ['ij->', [[2, 3]]],
  ['ij->i', [[2, 3]]],
  [
    'bi, bi -> b',
    [
      [2, 3],
      [2, 3],
    ],
  ],
  [
    'ij,jk->ik',
    [
      [1, 1],
      [1, 1],
    ],
  ],
];

const BATCH_NORM: [number[], number[]][] = [
  [[2, 3, 4, 5], [5]],
  [[2, 1, 1, 1], [1]],
  [
    [2, 3, 2, 2],
    [2, 3, 2, 2],
  ],
  [[0, 3, 2, 2], [2]],
];

/** Products of matrices and what is built on them; normalisations. */
export const matrixCases: Case[] = [
  ...PRODUCTS.flatMap(([a, b]): Case[] =>
    [false, true].flatMap((transposeA) =>
      [false, true].flatMap((transposeB): Case[] => {
        const left = transposeA ? swapped(a) : a;
        const right = transposeB ? swapped(b) : b;
        const run = (x: tf.Tensor, y: tf.Tensor) => tf.matMul(x, y, transposeA, transposeB);
        const name = `${label(left)}${transposeA ? 'ᵀ' : ''} ${label(right)}${transposeB ? 'ᵀ' : ''}`;
        return [
          {
            kernel: 'BatchMatMul',
            name,
            inputs: [float(left), float(right)],
            run: (x, y) => run(x, y),
            gradient: [0, 1],
          },
          {
            kernel: 'BatchMatMul',
            name: `int32 ${name}`,
            inputs: [int(left), int(right)],
            run: (x, y) => run(x, y),
          },
        ];
      }),
    ),
  ),
  ...(
    [
      [
        [2, 1, 3, 4],
        [1, 2, 4, 2],
      ],
      [
        [2, 1, 3, 4],
        [2, 2, 4, 2],
      ],
    ] as [number[], number[]][]
  ).map(([a, b]): Case => ({
    kernel: 'BatchMatMul',
    name: `batches broadcast ${label(a, b)}`,
    inputs: [float(a), float(b)],
    run: (x, y) => tf.matMul(x, y),
    gradient: [0, 1],
    // The cpu backend broadcasts batches only as a whole.
    onCpu: (x, y) => tf.matMul(tf.broadcastTo(x, [2, 2, 3, 4]), tf.broadcastTo(y, [2, 2, 4, 2])),
  })),
  {
    kernel: 'BatchMatMul',
    name: 'of transposed and scaled tensors',
    inputs: [float([2, 3, 4]), float([2, 5, 4])],
    run: (x, y) => tf.mul(tf.matMul(x, tf.transpose(y, [0, 2, 1])), 0.25),
    gradient: [0, 1],
  },
  ...ACTIVATIONS.flatMap((activation): Case[] =>
    [true, false].map((biased) => ({
      kernel: '_FusedMatMul',
      name: `${activation}${biased ? ' with bias' : ''}`,
      inputs: [float([3, 4]), float([4, 2]), float([2]), float([2], 'positive')],
      run: (a, b, bias, slope) =>
        kernel(
          '_FusedMatMul',
          {
            a: a,
            b: b,
            ...(biased ? { bias: bias } : {}),
            ...(activation === 'prelu' ? { preluActivationWeights: slope } : {}),
          },
          { transposeA: false, transposeB: false, activation, leakyreluAlpha: 0.3 },
        ),
    })),
  ),
  ...(['linear', 'relu'] as const).map((activation): Case => ({
    kernel: '_FusedMatMul',
    name: `gradient of ${activation}`,
    inputs: [float([3, 4]), float([2, 4]), float([2])],
    run: (a, b, bias) =>
      tf.fused.matMul({
        a: a,
        b: b,
        bias: bias,
        transposeA: false,
        transposeB: true,
        activation,
      }),
    gradient: [0, 1, 2],
  })),
  ...EINSUMS.flatMap(([equation, shapes]): Case[] => [
    {
      kernel: 'Einsum',
      name: `${equation} ${label(...shapes)}`,
      inputs: shapes.map((s) => float(s)),
      run: (...x) => tf.einsum(equation, ...x),
    },
    {
      kernel: 'Einsum',
      name: `int32 ${equation} ${label(...shapes)}`,
      inputs: shapes.map((s) => int(s)),
      run: (...x) => tf.einsum(equation, ...x),
    },
  ]),
  ...BATCH_NORM.flatMap(([x, statistics]): Case[] =>
    [true, false].map((affine) => ({
      kernel: 'FusedBatchNorm',
      name: `${label(x, statistics)}${affine ? ' affine' : ''}`,
      inputs: [
        float(x),
        float(statistics),
        float(statistics, 'positive'),
        float(statistics),
        float(statistics, 'positive'),
      ],
      run: (value, mean, variance, offset, scale) =>
        affine
          ? tf.batchNorm(value, mean, variance, offset, scale, 0.01)
          : tf.batchNorm(value, mean, variance),
      // tfjs's gradient fails without a scale.
      ...(affine ? { gradient: [0, 1, 2, 3, 4] } : {}),
    })),
  ),
  ...(
    [
      [[2, 2, 3, 5], 2],
      [[1, 1, 1, 1], 5],
      [[2, 1, 2, 6], 1],
    ] as [number[], number][]
  ).flatMap(([x, radius]): Case[] => {
    const attributes = { depthRadius: radius, bias: 1.1, alpha: 0.7, beta: 0.6 };
    return [
      {
        kernel: 'LRN',
        name: label(x),
        inputs: [float(x)],
        run: (v) => kernel('LRN', { x: v }, attributes),
        gradient: [0],
      },
      {
        kernel: 'LRNGrad',
        name: label(x),
        inputs: [float(x), float(x)],
        run: (v, dy) =>
          kernel('LRNGrad', { x: v, y: kernel('LRN', { x: v }, attributes), dy: dy }, attributes),
      },
    ];
  }),
];
