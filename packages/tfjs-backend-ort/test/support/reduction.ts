import { tf } from '../../src/tfjs.js';
import { bool, float, int, kernel, type Case, type Fill } from './cases.ts';

/** Shape, axes (undefined for all), keepDims. */
const REDUCTIONS: [number[], number | number[] | undefined, boolean][] = [
  [[], undefined, false],
  [[1], 0, false],
  [[5], 0, true],
  [[2, 3], undefined, false],
  [[2, 3], 0, false],
  [[2, 3], -1, true],
  [[2, 3, 4], [0, 1], false],
  [[2, 3, 4], [0, 2], true],
  [[2, 1, 3], 1, false],
  [[0, 3], 1, false],
  [[3, 1], [1], true],
];
/** Over no elements. */
const EMPTY: [number[], number | number[] | undefined, boolean][] = [
  [[0, 3], 0, false],
  [[2, 0], [1], true],
];

type Reduce = (x: tf.Tensor, axis?: number | number[], keepDims?: boolean) => tf.Tensor;

function reductions(
  name: string,
  fn: Reduce,
  options: { empty: boolean; gradient: boolean; fill?: Fill; types?: ('int32' | 'bool')[]; float?: false },
): Case[] {
  const rows = options.empty ? [...REDUCTIONS, ...EMPTY] : REDUCTIONS;
  return rows.flatMap(([shape, axis, keepDims]): Case[] => {
    const label = `[${shape.join(', ')}] axis ${axis === undefined ? 'all' : String(axis)}${keepDims ? ' kept' : ''}`;
    const run = (x: tf.Tensor) => fn(x, axis, keepDims);
    return [
      ...(options.float === false
        ? []
        : [
            {
              kernel: name,
              name: label,
              inputs: [float(shape, options.fill ?? 'spread')],
              run,
              ...(options.gradient ? { gradient: [0] } : {}),
            },
          ]),
      ...(options.types ?? []).map((dtype): Case => ({
        kernel: name,
        name: `${dtype} ${label}`,
        inputs: [dtype === 'int32' ? int(shape) : bool(shape)],
        run,
        // The cpu backend reads beyond the end of nothing; all of nothing is true.
        ...(name === 'All' && shape.includes(0) ? { onCpu: (x: tf.Tensor) => tf.onesLike(run(x)) } : {}),
      })),
    ];
  });
}

const TIES = [1, 3, 3, 2, 2, 2, -1, -1, 3, 0, 0, 0];

/** Kernels that fold an axis, and those that go along one. */
export const reductionCases: Case[] = [
  ...reductions('Sum', (x, axis, keep) => tf.sum(x, axis, keep), {
    empty: true,
    gradient: true,
    types: ['int32', 'bool'],
  }),
  ...reductions('Mean', (x, axis, keep) => tf.mean(x, axis, keep), {
    empty: false,
    gradient: true,
    types: ['int32'],
  }),
  ...reductions('Max', (x, axis, keep) => tf.max(x, axis, keep), {
    empty: false,
    gradient: true,
    types: ['int32'],
  }),
  ...reductions('Min', (x, axis, keep) => tf.min(x, axis, keep), {
    empty: false,
    gradient: true,
    types: ['int32'],
  }),
  ...reductions('Prod', (x, axis, keep) => tf.prod(x, axis, keep), {
    empty: true,
    gradient: true,
    types: ['int32'],
  }),
  ...reductions('Any', (x, axis, keep) => tf.any(x, axis, keep), {
    empty: true,
    gradient: false,
    types: ['bool'],
    float: false,
  }),
  ...reductions('All', (x, axis, keep) => tf.all(x, axis, keep), {
    empty: true,
    gradient: false,
    types: ['bool'],
    float: false,
  }),
  ...(
    [
      ['ArgMax', tf.argMax],
      ['ArgMin', tf.argMin],
    ] as const
  ).flatMap(([name, fn]): Case[] => [
    ...(
      [
        [[5], 0],
        [[1], 0],
        [[3, 4], 0],
        [[3, 4], -1],
        [[2, 3, 2], 1],
        [[0, 3], 1],
      ] as [number[], number][]
    ).flatMap(([shape, axis]): Case[] => [
      {
        kernel: name,
        name: `[${shape.join(', ')}] axis ${axis}`,
        inputs: [float(shape)],
        run: (x) => fn(x, axis),
      },
      {
        kernel: name,
        name: `int32 [${shape.join(', ')}] axis ${axis}`,
        inputs: [int(shape)],
        run: (x) => fn(x, axis),
      },
    ]),
    { kernel: name, name: 'ties', inputs: [float([3, 4], TIES)], run: (x) => fn(x, 1) },
  ]),
  ...(['Cumsum', 'Cumprod'] as const).flatMap((name) =>
    (
      [
        [[1], 0],
        [[2, 3, 2], 1],
        [[0, 3], 1],
        [[2, 9], 1],
        [[2, 3], -1],
      ] as [number[], number][]
    ).flatMap(([shape, axis]) =>
      [false, true].flatMap((exclusive) =>
        [false, true].flatMap((reverse): Case[] => {
          const fn = name === 'Cumsum' ? tf.cumsum : tf.cumprod;
          const run = (x: tf.Tensor) => fn(x, axis, exclusive, reverse);
          // The cpu backend's cumprod knows no negative axis.
          const onCpu = (x: tf.Tensor) => fn(x, (axis + shape.length) % shape.length, exclusive, reverse);
          const label = `[${shape.join(', ')}] axis ${axis}${exclusive ? ' exclusive' : ''}${reverse ? ' reverse' : ''}`;
          return [
            {
              kernel: name,
              name: label,
              inputs: [float(shape)],
              run,
              onCpu,
              ...(name === 'Cumsum' ? { gradient: [0] } : {}),
            },
            { kernel: name, name: `int32 ${label}`, inputs: [int(shape)], run, onCpu },
          ];
        }),
      ),
    ),
  ),
  ...(
    [
      ['Softmax', tf.softmax],
      ['LogSoftmax', tf.logSoftmax],
    ] as const
  ).flatMap(([name, fn]): Case[] => {
    // tf.logSoftmax composes the kernel's result of others.
    const run = (x: tf.Tensor) =>
      name === 'Softmax' ? fn(x) : kernel('LogSoftmax', { logits: x }, { axis: -1 });
    const onCpu = (x: tf.Tensor) => fn(x);
    return [
      ...[[5], [1], [3, 4], [2, 1, 3], [0, 3], [3, 1]].map((shape): Case => ({
        kernel: name,
        name: `[${shape.join(', ')}]`,
        inputs: [float(shape)],
        run,
        onCpu,
        gradient: [0],
      })),
      { kernel: name, name: 'large', inputs: [float([2, 3], [1000, 999, -1000, 88, 89, 90])], run, onCpu },
      {
        kernel: name,
        name: '-Infinity hides an entry',
        inputs: [float([2, 3], [-Infinity, 1, 2, 0, -Infinity, -Infinity])],
        run,
        onCpu,
        notUniform: 'all entries hidden: tfjs gives NaN, and so do we by another way',
      },
    ];
  }),
  ...(
    [
      [[5], 2],
      [[1], 1],
      [[3, 4], 4],
      [[2, 2, 3], 1],
      [[0, 3], 2],
      [[2, 3], 0],
    ] as [number[], number][]
  ).flatMap(([shape, k]): Case[] => [
    {
      kernel: 'TopK',
      name: `[${shape.join(', ')}] k ${k}`,
      inputs: [float(shape)],
      run: (x) => Object.values(tf.topk(x, k)),
    },
    {
      kernel: 'TopK',
      name: `int32 [${shape.join(', ')}] k ${k}`,
      inputs: [int(shape)],
      run: (x) => Object.values(tf.topk(x, k)),
    },
  ]),
  { kernel: 'TopK', name: 'ties', inputs: [float([3, 4], TIES)], run: (x) => Object.values(tf.topk(x, 3)) },
];
