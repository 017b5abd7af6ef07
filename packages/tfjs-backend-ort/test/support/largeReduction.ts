import { tf } from '../../src/tfjs.js';
import { bool, float, int, kernel, type Case, type Fill } from './cases.ts';
import { SIDE } from './large.ts';

const FULL = [SIDE, SIDE];
const CUBE = [64, 64, 64];
const AXES: [number[], number[] | undefined][] = [
  [FULL, [1]],
  [FULL, [0]],
  [FULL, undefined],
  [CUBE, [0, 2]],
];

type Reduce = (x: tf.Tensor, axis?: number[]) => tf.Tensor;

function reductions(
  name: string,
  fn: Reduce,
  dtypes: ('float32' | 'int32' | 'bool')[],
  fill: Fill = 'spread',
): Case[] {
  return AXES.flatMap(([shape, axis]) =>
    dtypes.map((dtype): Case => ({
      kernel: name,
      name: `${dtype} [${shape.join(', ')}] axes ${axis?.join() ?? 'all'}`,
      inputs: [dtype === 'float32' ? float(shape, fill) : dtype === 'int32' ? int(shape) : bool(shape)],
      run: (x) => fn(x, axis),
      ...(dtype === 'float32' ? { gradient: [0] } : {}),
    })),
  );
}

/** Kernels that fold an axis, and those that go along one, large. */
export const largeReduction: Case[] = [
  ...reductions('Sum', (x, axis) => tf.sum(x, axis), ['float32', 'int32', 'bool'], 'positive'),
  ...reductions('Mean', (x, axis) => tf.mean(x, axis), ['float32', 'int32'], 'positive'),
  ...reductions('Max', (x, axis) => tf.max(x, axis), ['float32', 'int32']),
  ...reductions('Min', (x, axis) => tf.min(x, axis), ['float32', 'int32']),
  // Of many factors near 1, or the product would leave float32.
  ...(
    [
      [[64, 16, 256], [1]],
      [[16, SIDE, 32], [0]],
      [[16, SIDE * 32], [0]],
    ] as const
  ).map(([shape, axis]): Case => ({
    kernel: 'Prod',
    name: `[${shape.join(', ')}] axes ${axis.join()}`,
    inputs: [float(shape, 'positive')],
    run: (x) => tf.prod(x, [...axis]),
    gradient: [0],
  })),
  ...reductions('Any', (x, axis) => tf.any(x, axis), ['bool']),
  ...reductions('All', (x, axis) => tf.all(x, axis), ['bool']),
  ...([0, 1] as const).flatMap((axis) =>
    [float(FULL), int(FULL)].flatMap((input): Case[] => [
      {
        kernel: 'ArgMax',
        name: `${input.dtype} axis ${axis}`,
        inputs: [input],
        run: (x) => tf.argMax(x, axis),
      },
      {
        kernel: 'ArgMin',
        name: `${input.dtype} axis ${axis}`,
        inputs: [input],
        run: (x) => tf.argMin(x, axis),
      },
    ]),
  ),
  ...([0, 1] as const).flatMap((axis) =>
    [false, true].flatMap((flag): Case[] => [
      {
        kernel: 'Cumsum',
        name: `axis ${axis}, exclusive and reverse ${flag}`,
        inputs: [float(FULL)],
        run: (x) => tf.cumsum(x, axis, flag, flag),
        gradient: [0],
      },
      {
        kernel: 'Cumsum',
        name: `int32 axis ${axis}, exclusive and reverse ${flag}`,
        inputs: [int(FULL)],
        run: (x) => tf.cumsum(x, axis, flag, flag),
      },
      {
        kernel: 'Cumprod',
        name: `axis ${axis}, exclusive and reverse ${flag}`,
        inputs: [float(axis === 0 ? [16, SIDE * 32] : [SIDE * 32, 16], 'positive')],
        run: (x) => tf.cumprod(x, axis, flag, flag),
      },
    ]),
  ),
  ...[
    [1024, 300],
    [64, 20, 250],
  ].flatMap((shape): Case[] => [
    {
      kernel: 'Softmax',
      name: `[${shape.join(', ')}]`,
      inputs: [float(shape)],
      run: (x) => tf.softmax(x),
      gradient: [0],
    },
    {
      kernel: 'LogSoftmax',
      name: `[${shape.join(', ')}]`,
      inputs: [float(shape)],
      run: (x) => kernel('LogSoftmax', { logits: x }, { axis: -1 }),
      onCpu: (x) => tf.logSoftmax(x),
      gradient: [0],
    },
  ]),
  ...[float([256, 1024]), int([256, 1024], { below: 300 })].map((input): Case => ({
    kernel: 'TopK',
    name: input.dtype,
    inputs: [input],
    run: (x) => Object.values(tf.topk(x, 50)),
  })),
];
