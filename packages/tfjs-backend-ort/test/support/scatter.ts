import { tf } from '../../src/tfjs.js';
import { bool, float, int, kernel, type Case } from './cases.ts';

const label = (...shapes: readonly (readonly number[])[]) => shapes.map((s) => `[${s.join(', ')}]`).join(' ');

/** Kernels that read or write by index. */
export const scatterCases: Case[] = [
  ...(
    [
      [[5, 3], [4], 0, 0],
      [[5, 3], [2, 2], 0, 0],
      [[5], [], 0, 0],
      [[2, 5, 3], [4], 1, 0],
      [[2, 5], [3], -1, 0],
      [[2, 5, 3], [2, 4], 1, 1],
      [[2, 2, 5], [2, 2, 4], 2, 2],
      [[2, 3, 5], [2, 4], 2, 1],
      [[1, 3], [4], 0, 0],
      [[5, 3], [0], 0, 0],
      [[5, 0], [4], 0, 0],
    ] as [number[], number[], number, number][]
  ).flatMap(([x, ids, axis, batch]): Case[] => {
    const below = x.at(axis)!;
    const name = `${label(x, ids)} axis ${axis} batch ${batch}`;
    const run = (a: tf.Tensor, b: tf.Tensor) => tf.gather(a, b, axis, batch);
    return [
      {
        kernel: 'GatherV2',
        name,
        inputs: [float(x), int(ids, { below })],
        run: (a, b) => run(a, b),
        gradient: [0],
      },
      {
        kernel: 'GatherV2',
        name: `int32 ${name}`,
        inputs: [int(x), int(ids, { below })],
        run: (a, b) => run(a, b),
      },
      {
        kernel: 'GatherV2',
        name: `bool ${name}`,
        inputs: [bool(x), int(ids, { below })],
        run: (a, b) => run(a, b),
      },
    ];
  }),
  ...(
    [
      [
        [5, 3],
        [4, 1],
      ],
      [
        [5, 3],
        [4, 2],
      ],
      [[5, 3], [2]],
      [
        [2, 3, 4],
        [2, 2, 2],
      ],
      [
        [1, 1],
        [3, 2],
      ],
      [
        [2, 3],
        [0, 2],
      ],
    ] as [number[], number[]][]
  ).flatMap(([x, ids]): Case[] => {
    const below = Math.min(...x);
    return [
      {
        kernel: 'GatherNd',
        name: label(x, ids),
        inputs: [float(x), int(ids, { below })],
        run: (a, b) => tf.gatherND(a, b),
      },
      {
        kernel: 'GatherNd',
        name: `int32 ${label(x, ids)}`,
        inputs: [int(x), int(ids, { below })],
        run: (a, b) => tf.gatherND(a, b),
      },
    ];
  }),
  ...(
    [
      [[6, 3], 4],
      [[6], 4],
      [[1, 1], 1],
      [[6, 2, 2], 3],
      [[40, 5], 7],
      [[0, 3], 2],
      [[6, 3], 1],
    ] as [number[], number][]
  ).flatMap(([x, count]): Case[] => {
    const ids = int([x[0]!], { below: count });
    const run = (a: tf.Tensor, b: tf.Tensor) => tf.unsortedSegmentSum(a, b as tf.Tensor1D, count);
    return [
      {
        kernel: 'UnsortedSegmentSum',
        name: `${label(x)} into ${count}`,
        inputs: [float(x), ids],
        run: (a, b) => run(a, b),
        gradient: [0],
      },
      {
        kernel: 'UnsortedSegmentSum',
        name: `int32 ${label(x)} into ${count}`,
        // The cpu backend turns sums of integers into floats.
        onCpu: (a, b) => tf.cast(run(a, b), 'int32'),
        inputs: [int(x), ids],
        run: (a, b) => run(a, b),
      },
    ];
  }),
  ...(['float32', 'int32'] as const).map((dtype): Case => ({
    kernel: 'UnsortedSegmentSum',
    name: `${dtype} ids outside are dropped`,
    inputs: [dtype === 'int32' ? int([5, 2]) : float([5, 2]), int([5], [-1, 0, 3, 1, 7])],
    run: (a, b) => tf.unsortedSegmentSum(a, b as tf.Tensor1D, 3),
    // The cpu backend turns sums of integers into floats.
    onCpu: (a, b) => tf.cast(tf.unsortedSegmentSum(a, b as tf.Tensor1D, 3), dtype),
  })),
  ...(
    [
      [
        [4, 1],
        [4, 3],
        [5, 3],
      ],
      [[4, 2], [4], [3, 3]],
      [
        [2, 2, 1],
        [2, 2, 3],
        [4, 3],
      ],
      [[1, 1], [1], [1]],
      [
        [0, 1],
        [0, 3],
        [4, 3],
      ],
    ] as [number[], number[], number[]][]
  ).flatMap(([ids, updates, shape]): Case[] => {
    const index = int(ids, { below: Math.min(...shape) });
    const run = (a: tf.Tensor, b: tf.Tensor) => tf.scatterND(a, b, shape);
    const overwrite = (t: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => tf.tensorScatterUpdate(t, a, b);
    const name = `${label(ids, updates)} into ${label(shape)}`;
    return [
      { kernel: 'ScatterNd', name, inputs: [index, float(updates)], run: (a, b) => run(a, b) },
      {
        kernel: 'ScatterNd',
        name: `int32 ${name}`,
        inputs: [index, int(updates)],
        run: (a, b) => run(a, b),
      },
      {
        kernel: 'TensorScatterUpdate',
        name,
        inputs: [float(shape), index, float(updates)],
        run: (t, a, b) => overwrite(t, a, b),
      },
      {
        kernel: 'TensorScatterUpdate',
        name: `int32 ${name}`,
        inputs: [int(shape), index, int(updates)],
        run: (t, a, b) => overwrite(t, a, b),
      },
    ];
  }),
  {
    kernel: 'TensorScatterUpdate',
    name: 'the last of repeated rows stays',
    inputs: [float([3, 2]), int([4, 1], [1, 0, 1, 0]), float([4, 2])],
    run: (t, a, b) => tf.tensorScatterUpdate(t, a, b),
  },
  ...(
    [
      [[], [], [5]],
      [[4], [4], [6]],
      [[4], [], [6]],
      [[4, 2], [4], [3, 4]],
    ] as [number[], number[], number[]][]
  ).flatMap(([ids, values, shape]): Case[] =>
    (['float32', 'int32'] as const).map((dtype) => ({
      kernel: 'SparseToDense',
      name: `${dtype} ${label(ids, values)} into ${label(shape)}`,
      inputs: [
        int(ids, { below: Math.min(...shape) }),
        dtype === 'int32' ? int(values) : float(values),
        dtype === 'int32' ? int([], [7]) : float([], [-1.5]),
      ],
      run: (a, b, c) => tf.sparseToDense(a, b, shape, c as tf.Scalar),
    })),
  ),
  ...(['Bincount', 'DenseBincount'] as const).flatMap((name): Case[] => {
    const count = (x: tf.Tensor, weights: tf.Tensor, size: number, binaryOutput = false) =>
      kernel(name, { x, weights }, { size, binaryOutput });
    return [
      {
        kernel: name,
        name: 'weighted',
        inputs: [int([7], { below: 5 }), float([7])],
        run: (x, w) => count(x, w, 4),
      },
      {
        kernel: name,
        name: 'int32 weights',
        inputs: [int([7], { below: 5 }), int([7])],
        run: (x, w) => count(x, w, 4),
      },
      {
        kernel: name,
        name: 'counts',
        inputs: [int([7], { below: 5 }), float([0])],
        run: (x, w) => count(x, w, 6),
      },
      { kernel: name, name: 'nothing', inputs: [int([0]), float([0])], run: (x, w) => count(x, w, 3) },
      ...(name === 'DenseBincount'
        ? [false, true].flatMap((binary): Case[] => [
            {
              kernel: name,
              name: `rows${binary ? ' binary' : ''}`,
              inputs: [int([3, 5], { below: 5 }), float([3, 5])],
              run: (x, w) => count(x, w, 4, binary),
            },
            {
              kernel: name,
              name: `counts of rows${binary ? ' binary' : ''}`,
              inputs: [int([3, 5], { below: 5 }), float([0])],
              run: (x, w) => count(x, w, 4, binary),
            },
          ])
        : []),
    ];
  }),
  ...(['left', 'right'] as const).flatMap((side): Case[] => [
    {
      kernel: 'SearchSorted',
      name: side,
      inputs: [
        float([2, 5], [0, 3, 9, 10, 10, -2, -1, 0, 1, 1.5]),
        float([2, 4], [-1, 3, 10, 11, -2, 0.5, 1.5, NaN]),
      ],
      run: (s, v) => tf.searchSorted(s, v, side),
      notUniform: 'NaN would be the fill',
    },
    {
      kernel: 'SearchSorted',
      name: `${side} int32`,
      inputs: [int([4], [1, 2, 2, 5]), int([5], [0, 2, 3, 5, 6])],
      run: (s, v) => tf.searchSorted(s, v, side),
    },
    {
      kernel: 'SearchSorted',
      name: `${side} among one`,
      inputs: [float([1], [1]), float([3], [0, 1, 2])],
      run: (s, v) => tf.searchSorted(s, v, side),
    },
  ]),
  ...([[], [1], [4], [2, 3], [0]] as number[][]).flatMap((shape): Case[] =>
    (['float32', 'int32', 'bool'] as const).map((dtype) => ({
      kernel: 'OneHot',
      name: `${label(shape)} ${dtype}`,
      // -1 and 3 are outside.
      inputs: [int(shape, shape.length === 1 && shape[0] === 4 ? [0, -1, 3, 2] : { below: 3 })],
      run: (x) => tf.oneHot(x, 3, 5, 2, dtype),
      ...(dtype === 'bool' ? { run: (x) => tf.oneHot(x, 3, 1, 0, 'bool') } : {}),
    })),
  ),
  ...[[3], [2, 2], [1], []].flatMap((shape): Case[] => [
    { kernel: 'Diag', name: label(shape), inputs: [float(shape)], run: (x) => kernel('Diag', { x: x }) },
    {
      kernel: 'Diag',
      name: `int32 ${label(shape)}`,
      inputs: [int(shape)],
      run: (x) => kernel('Diag', { x: x }),
    },
  ]),
];
