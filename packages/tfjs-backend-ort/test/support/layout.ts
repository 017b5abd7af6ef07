import { tf } from '../../src/tfjs.js';
import { bool, float, int, kernel, type Case, type Input } from './cases.ts';

type Run = (x: tf.Tensor) => tf.Tensor | tf.Tensor[];

/** Rows of one kernel over float32 with gradients, and the same for int32 and bool without. */
function moves(name: string, rows: [string, readonly number[], Run][]): Case[] {
  return rows.flatMap(([label, shape, run]): Case[] => [
    {
      kernel: name,
      name: label,
      inputs: [float(shape)],
      run: (x) => run(x),
      // tfjs has no gradient of a list of one.
      ...(label === 'one piece' ? {} : { gradient: [0] }),
    },
    { kernel: name, name: `${label} int32`, inputs: [int(shape)], run: (x) => run(x) },
    { kernel: name, name: `${label} bool`, inputs: [bool(shape)], run: (x) => run(x) },
  ]);
}

function joins(
  name: string,
  run: (x: tf.Tensor[], axis: number) => tf.Tensor,
  rows: [number[][], number][],
): Case[] {
  return rows.flatMap(([shapes, axis]): Case[] => {
    const label = `${shapes.map((shape) => `[${shape.join(', ')}]`).join(' ')} axis ${axis}`;
    const all = (make: (shape: number[]) => Input) => shapes.map(make);
    return [
      {
        kernel: name,
        name: label,
        inputs: all((shape) => float(shape)),
        run: (...x) => run(x, axis),
        gradient: shapes.map((_, i) => i),
      },
      {
        kernel: name,
        name: `${label} int32`,
        inputs: all((shape) => int(shape)),
        run: (...x) => run(x, axis),
      },
      {
        kernel: name,
        name: `${label} bool`,
        inputs: all((shape) => bool(shape)),
        run: (...x) => run(x, axis),
      },
    ];
  });
}

const BROADCASTS: Record<string, number[]> = { '1,3': [2, 3], '3': [2, 3], '': [2, 2], '1': [0] };

/** A kernel without inputs. */
function maker(name: string, label: string, run: () => tf.Tensor): Case {
  return { kernel: name, name: label, inputs: [], run };
}

/** Kernels that move, cut, join and make elements. */
export const layoutCases: Case[] = [
  ...moves('Reshape', [
    ['[2, 3] to [3, 2]', [2, 3], (x) => tf.reshape(x, [3, 2])],
    ['[2, 3] to [-1]', [2, 3], (x) => tf.reshape(x, [-1])],
    ['[1, 1] to []', [1, 1], (x) => tf.reshape(x, [])],
    ['[0, 3] to [3, 0, 2]', [0, 3], (x) => tf.reshape(x, [3, 0, 2])],
  ]),
  ...moves('ExpandDims', [
    ['axis 0', [2, 3], (x) => tf.expandDims(x, 0)],
    ['axis -1', [2, 3], (x) => tf.expandDims(x, -1)],
    ['scalar', [], (x) => tf.expandDims(x, 0)],
    ['empty', [0, 2], (x) => tf.expandDims(x, 1)],
  ]),
  ...moves('Transpose', [
    ['[2, 3]', [2, 3], (x) => tf.transpose(x)],
    ['[2, 3, 4] 2 0 1', [2, 3, 4], (x) => tf.transpose(x, [2, 0, 1])],
    ['[2, 1, 4] twice', [2, 1, 4], (x) => tf.transpose(tf.transpose(x, [2, 0, 1]), [1, 0, 2])],
    ['[1, 4]', [1, 4], (x) => tf.transpose(x)],
    ['[0, 3]', [0, 3], (x) => tf.transpose(x)],
    ['rank 5', [2, 1, 3, 2, 2], (x) => tf.transpose(x, [4, 0, 2, 1, 3])],
  ]),
  ...moves('Slice', [
    ['inner', [4, 5], (x) => tf.slice(x, [1, 2], [2, 3])],
    ['to the end', [4, 5], (x) => tf.slice(x, [1, 2], [-1, -1])],
    ['all', [4, 5], (x) => tf.slice(x, [0, 0], [4, 5])],
    ['nothing', [4, 5], (x) => tf.slice(x, [1, 2], [0, 3])],
    ['one entry', [4], (x) => tf.slice(x, [3], [1])],
    ['of nothing', [0, 5], (x) => tf.slice(x, [0, 1], [0, 2])],
  ]),
  ...moves('Tile', [
    ['[2, 3] by 2 1', [2, 3], (x) => tf.tile(x, [2, 1])],
    ['[2, 3] by 2 3', [2, 3], (x) => tf.tile(x, [2, 3])],
    ['[1, 3] by 4 1', [1, 3], (x) => tf.tile(x, [4, 1])],
    ['[2] by 0', [2], (x) => tf.tile(x, [0])],
    ['[0, 2] by 2 2', [0, 2], (x) => tf.tile(x, [2, 2])],
  ]),
  ...moves('BroadcastTo', [
    ['[1, 3] to [2, 3]', [1, 3], (x) => kernel('BroadcastTo', { x }, { shape: [2, 3], inputShape: [1, 3] })],
    ['[3] to [2, 3]', [3], (x) => kernel('BroadcastTo', { x }, { shape: [2, 3], inputShape: [3] })],
    ['[] to [2, 2]', [], (x) => kernel('BroadcastTo', { x }, { shape: [2, 2], inputShape: [] })],
    ['[1] to [0]', [1], (x) => kernel('BroadcastTo', { x }, { shape: [0], inputShape: [1] })],
  ]).map((row): Case => ({
    ...row,
    // tf.broadcastTo does not call the kernel of that name, and the cpu backend has none.
    onCpu: (x) =>
      x.shape.join() === '1' ? tf.tensor([], [0], x.dtype) : tf.broadcastTo(x, BROADCASTS[x.shape.join()]!),
    gradient: row.inputs[0]!.dtype !== 'float32' || row.name === '[1] to [0]' ? [] : [0],
  })),
  ...moves('Reverse', [
    ['axis 0', [3, 2], (x) => tf.reverse(x, 0)],
    ['axis -1', [3, 2], (x) => tf.reverse(x, -1)],
    ['all', [3, 2], (x) => tf.reverse(x)],
    ['one', [1], (x) => tf.reverse(x)],
    ['scalar', [], (x) => kernel('Reverse', { x }, { dims: [] })],
    ['empty', [0, 2], (x) => tf.reverse(x, 1)],
  ]),
  ...moves('PadV2', [
    ['1 2', [3], (x) => tf.pad(x, [[1, 2]])],
    [
      'rows only',
      [2, 3],
      (x) =>
        tf.pad(x, [
          [1, 0],
          [0, 0],
        ]),
    ],
    [
      'value',
      [2, 3],
      (x) =>
        tf.pad(
          x,
          [
            [1, 1],
            [0, 2],
          ],
          1,
        ),
    ],
    [
      'none',
      [2, 3],
      (x) =>
        tf.pad(x, [
          [0, 0],
          [0, 0],
        ]),
    ],
    [
      'empty',
      [0, 2],
      (x) =>
        tf.pad(x, [
          [1, 2],
          [0, 1],
        ]),
    ],
  ]),
  { kernel: 'PadV2', name: '-Infinity', inputs: [float([2])], run: (x) => tf.pad(x, [[1, 1]], -Infinity) },
  ...(['reflect', 'symmetric'] as const).flatMap((mode) =>
    moves('MirrorPad', [
      [`${mode} vector`, [4], (x) => tf.mirrorPad(x, [[2, 3]], mode)],
      [
        `${mode} matrix`,
        [3, 4],
        (x) =>
          tf.mirrorPad(
            x,
            [
              [1, 2],
              [2, 0],
            ],
            mode,
          ),
      ],
      [
        `${mode} none`,
        [2, 2],
        (x) =>
          tf.mirrorPad(
            x,
            [
              [0, 0],
              [0, 0],
            ],
            mode,
          ),
      ],
    ]),
  ),
  ...moves('StridedSlice', [
    ['step 2', [5, 4], (x) => tf.stridedSlice(x, [0, 1], [5, 4], [2, 1])],
    ['backwards', [5], (x) => tf.stridedSlice(x, [4], [0], [-2])],
    ['backwards to the start', [5], (x) => tf.stridedSlice(x, [-1], [0], [-1], 0, 1)],
    ['masks', [3, 4], (x) => tf.stridedSlice(x, [1, 0], [2, 3], [1, 2], 2, 1)],
    ['shrink', [3, 4], (x) => tf.stridedSlice(x, [1, 0], [2, 4], [1, 1], 0, 0, 0, 0, 1)],
    ['new axis', [3, 4], (x) => tf.stridedSlice(x, [0, 0, 1], [0, 3, 3], [1, 1, 1], 0, 0, 0, 1)],
  ]).map((row) => ({ ...row, gradient: [] })),
  ...moves('Unpack', [
    ['axis 0', [3, 2], (x) => tf.unstack(x, 0)],
    ['axis -1', [2, 3], (x) => tf.unstack(x, -1)],
    ['one piece', [1, 2], (x) => tf.unstack(x, 0)],
    ['empty pieces', [2, 0], (x) => tf.unstack(x, 0)],
  ]),
  ...moves('SplitV', [
    ['equal', [4, 2], (x) => tf.split(x, 2, 0)],
    ['sizes', [2, 5], (x) => tf.split(x, [1, 3, 1], -1)],
    ['rest', [2, 5], (x) => tf.split(x, [1, -1], 1)],
    ['one piece', [2, 5], (x) => tf.split(x, 1, 1)],
    ['empty piece', [2, 5], (x) => tf.split(x, [0, 5], 1)],
  ]),
  ...joins('Concat', (x, axis) => kernel('Concat', x as unknown as Record<string, tf.Tensor>, { axis }), [
    [
      [
        [2, 3],
        [4, 3],
      ],
      0,
    ],
    [
      [
        [2, 3],
        [2, 1],
        [2, 2],
      ],
      -1,
    ],
    [
      [
        [2, 0],
        [2, 3],
      ],
      1,
    ],
    [[[0], [0]], 0],
    [[[2, 3]], 0],
  ]),
  ...joins('Pack', (x, axis) => tf.stack(x, axis), [
    [
      [
        [2, 3],
        [2, 3],
      ],
      0,
    ],
    [
      [
        [2, 3],
        [2, 3],
        [2, 3],
      ],
      2,
    ],
    [[[], []], 0],
    [[[2], [2]], -1],
    [
      [
        [0, 2],
        [0, 2],
      ],
      1,
    ],
  ]),
  maker('Fill', '[2, 3]', () => tf.fill([2, 3], -1.5)),
  maker('Fill', 'int32', () => tf.fill([2], 3, 'int32')),
  maker('Fill', 'bool', () => tf.fill([2], 1, 'bool')),
  maker('Fill', '[0]', () => tf.fill([0], 3)),
  maker('Fill', '[]', () => tf.fill([], -Infinity)),
  maker('Range', 'up', () => tf.range(0, 5, 2)),
  maker('Range', 'down', () => tf.range(5, -2, -1.5)),
  maker('Range', 'int32', () => tf.range(1, 4, 1, 'int32')),
  maker('Range', 'nothing', () => kernel('Range', {}, { start: 1, stop: 1, step: 1, dtype: 'float32' })),
  maker('LinSpace', '5', () => tf.linspace(-1, 2, 5)),
  maker('LinSpace', '1', () => tf.linspace(3, 4, 1)),
];
