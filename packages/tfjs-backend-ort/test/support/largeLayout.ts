import { tf } from '../../src/tfjs.js';
import { bool, float, int, kernel, type Case } from './cases.ts';
import { SIDE } from './large.ts';

type Run = (x: tf.Tensor) => tf.Tensor | tf.Tensor[];

const FULL = [SIDE, SIDE];
const CUBE = [64, 64, 64];

/** Float32 with a gradient, int32 and bool without. */
function moves(name: string, shape: number[], run: Run, more: Partial<Case> = {}): Case[] {
  return [
    {
      kernel: name,
      name: `[${shape.join(', ')}]`,
      inputs: [float(shape)],
      run: (x) => run(x),
      gradient: [0],
      ...more,
    },
    ...[int(shape), bool(shape)].map((input): Case => ({
      kernel: name,
      name: `${input.dtype} [${shape.join(', ')}]`,
      inputs: [input],
      run: (x) => run(x),
      ...(more.onCpu ? { onCpu: more.onCpu } : {}),
    })),
  ];
}

function image(
  name: string,
  shape: number[],
  run: (x: tf.Tensor4D) => tf.Tensor,
  gradient: number[] = [0],
): Case {
  return {
    kernel: name,
    name: `[${shape.join(', ')}]`,
    inputs: [float(shape)],
    run: (x) => run(x as tf.Tensor4D),
    gradient,
  };
}

/** Kernels that move, cut, join and make elements, large. */
export const largeLayout: Case[] = [
  ...moves('Reshape', FULL, (x) => tf.reshape(x, [SIDE / 2, -1])),
  ...moves('ExpandDims', FULL, (x) => tf.expandDims(x, 1)),
  ...moves('Transpose', FULL, (x) => tf.transpose(x)),
  ...moves('Transpose', CUBE, (x) => tf.transpose(x, [2, 0, 1])),
  ...moves('Slice', [600, 600], (x) => tf.slice(x, [10, 20], [580, 570])),
  ...moves('Tile', [SIDE, SIDE / 4], (x) => tf.tile(x, [2, 3])),
  ...moves(
    'BroadcastTo',
    [1, SIDE],
    (x) => kernel('BroadcastTo', { x }, { shape: FULL, inputShape: [1, SIDE] }),
    {
      onCpu: (x) => tf.broadcastTo(x, FULL),
    },
  ),
  ...moves('Reverse', FULL, (x) => tf.reverse(x, 0)),
  ...moves('Reverse', CUBE, (x) => tf.reverse(x, [0, 2])),
  ...moves('PadV2', FULL, (x) =>
    tf.pad(x, [
      [3, 5],
      [7, 0],
    ]),
  ),
  ...(['reflect', 'symmetric'] as const).flatMap((mode) =>
    moves(
      'MirrorPad',
      FULL,
      (x) =>
        tf.mirrorPad(
          x,
          [
            [3, 500],
            [7, 0],
          ],
          mode,
        ),
      { name: mode },
    ),
  ),
  ...moves('StridedSlice', [1200, SIDE], (x) => tf.stridedSlice(x, [1, 2], [1200, 500], [2, 1]), {
    gradient: [],
  }),
  ...moves('Unpack', [4, SIDE, SIDE / 2], (x) => tf.unstack(x, 0)),
  ...moves('Unpack', [SIDE, 3, SIDE / 2], (x) => tf.unstack(x, 1)),
  ...moves('SplitV', FULL, (x) => tf.split(x, [100, 12, 400], 1)),
  ...([float, int, bool] as const).flatMap((make): Case[] => {
    const [a, b] = [make(FULL), make([SIDE, SIDE / 2])];
    const by = a.dtype === 'float32' ? { gradient: [0, 1] } : {};
    return [
      { kernel: 'Concat', name: a.dtype, inputs: [a, b], run: (x, y) => tf.concat([x, y], 1), ...by },
      { kernel: 'Pack', name: a.dtype, inputs: [a, a], run: (x, y) => tf.stack([x, y], 1), ...by },
    ];
  }),
  { kernel: 'Fill', name: 'float32', inputs: [], run: () => tf.fill(FULL, -1.5) },
  { kernel: 'Range', name: 'float32', inputs: [], run: () => tf.range(0, SIDE * SIDE, 0.5) },
  { kernel: 'LinSpace', name: 'float32', inputs: [], run: () => tf.linspace(-1, 2, SIDE * SIDE) },
  image('FlipLeftRight', [4, 64, 64, 16], (x) => tf.image.flipLeftRight(x), []),
  image('DepthToSpace', [4, 32, 32, 64], (x) => tf.depthToSpace(x, 2), []),
  image('SpaceToBatchND', [4, 64, 64, 16], (x) =>
    tf.spaceToBatchND(
      x,
      [2, 2],
      [
        [1, 1],
        [0, 2],
      ],
    ),
  ),
  image('BatchToSpaceND', [16, 32, 32, 16], (x) =>
    tf.batchToSpaceND(
      x,
      [2, 2],
      [
        [1, 1],
        [0, 2],
      ],
    ),
  ),
];
