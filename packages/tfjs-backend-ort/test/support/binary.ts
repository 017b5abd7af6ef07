import { tf } from '../../src/tfjs.js';
import { bool, float, int, kernel, type Case, type Fill } from './cases.ts';
import { provider } from './provider.ts';

const PAIRS: [number[], number[]][] = [
  [[1], [1]],
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[], [2, 3]],
  [
    [2, 1],
    [1, 3],
  ],
  [
    [4, 1, 3],
    [2, 1],
  ],
  [
    [0, 3],
    [1, 3],
  ],
];
const SPECIAL = [-Infinity, -2, -0.5, 0, 0.5, 3, Infinity, NaN];
/** Every special value with every other. */
const SPECIAL_PAIRS = SPECIAL.flatMap((a) => SPECIAL.map((b) => [a, b] as const));

/** How the rows of a kernel of two inputs are made. */
export interface Binary {
  fn: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;
  fill?: [Fill, Fill];
  gradient?: false;
  /** Element types other than float32. */
  types?: ('int32' | 'bool')[];
  float?: false;
  /** Infinities have no integer quotient. */
  special?: false;
}

/** Kernels of two inputs by name. */
export const BINARY: Record<string, Binary> = {
  Add: { fn: tf.add, types: ['int32'] },
  Sub: { fn: tf.sub, types: ['int32'] },
  Multiply: { fn: tf.mul, types: ['int32'] },
  RealDiv: { fn: tf.div, fill: ['spread', 'positive'] },
  FloorDiv: { fn: tf.floorDiv, fill: ['spread', 'positive'], gradient: false, special: false },
  Mod: { fn: tf.mod, fill: ['spread', 'positive'] },
  Pow: { fn: tf.pow, fill: ['positive', 'spread'] },
  Maximum: { fn: tf.maximum, types: ['int32'] },
  Minimum: { fn: tf.minimum, types: ['int32'] },
  SquaredDifference: { fn: tf.squaredDifference, types: ['int32'] },
  Atan2: { fn: tf.atan2 },
  Prelu: { fn: (x, alpha) => tf.prelu(x, alpha), fill: ['spread', 'spread'] },
  Greater: { fn: tf.greater, gradient: false, types: ['int32', 'bool'] },
  GreaterEqual: { fn: tf.greaterEqual, gradient: false, types: ['int32', 'bool'] },
  Less: { fn: tf.less, gradient: false, types: ['int32', 'bool'] },
  LessEqual: { fn: tf.lessEqual, gradient: false, types: ['int32', 'bool'] },
  Equal: { fn: tf.equal, gradient: false, types: ['int32', 'bool'] },
  NotEqual: { fn: tf.notEqual, gradient: false, types: ['int32', 'bool'] },
  LogicalAnd: { fn: tf.logicalAnd, gradient: false, float: false, types: ['bool'] },
  LogicalOr: { fn: tf.logicalOr, gradient: false, float: false, types: ['bool'] },
};

/** Inputs whose gradients tfjs can compute: not those that were broadcast to nothing. */
export function differentiable(a: number[], b: number[]): number[] {
  const shape = tf.backend_util.assertAndGetBroadcastShape(a, b);
  return [a, b].flatMap((own, i) => {
    const broadcast = own.join() !== shape.join();
    return broadcast && shape.includes(0) ? [] : [i];
  });
}

/** Kernels of two inputs that broadcast. */
export const binaryCases: Case[] = [
  ...Object.entries(BINARY).flatMap(([name, row]): Case[] => {
    const run = (a: tf.Tensor, b: tf.Tensor) => row.fn(a, b);
    const [left, right] = row.fill ?? ['spread', 'spread'];
    const floats = PAIRS.map(([a, b]): Case => ({
      kernel: name,
      name: `[${a.join(', ')}] [${b.join(', ')}]`,
      inputs: [float(a, left), float(b, right)],
      run: (x, y) => run(x, y),
      ...(row.gradient === false ? {} : { gradient: differentiable(a, b) }),
    }));
    const others = (row.types ?? []).flatMap((dtype) =>
      PAIRS.map(([a, b]): Case => ({
        kernel: name,
        name: `${dtype} [${a.join(', ')}] [${b.join(', ')}]`,
        inputs: dtype === 'int32' ? [int(a), int(b)] : [bool(a), bool(b)],
        run: (x, y) => run(x, y),
      })),
    );
    // The angle of two infinities is NaN here. On webgpu a power is exp2(b log2 a), which is NaN for 0 and infinite b.
    const pairs = SPECIAL_PAIRS.filter(([a, b]) => {
      if (name === 'Pow' && provider === 'webgpu') return a !== 0 || Math.abs(b) !== Infinity;
      return name !== 'Atan2' || [a, b].some((v) => Math.abs(v) !== Infinity);
    });
    const special: Case = {
      kernel: name,
      name: 'special values',
      inputs: [0, 1].map((i) =>
        float(
          [pairs.length],
          pairs.map((pair) => pair[i]!),
        ),
      ),
      run: (x, y) => run(x, y),
    };
    return [
      ...(row.float === false ? [] : [...floats, ...(row.special === false ? [] : [special])]),
      ...others,
    ];
  }),
  ...['Mod', 'FloorDiv', 'Pow'].map((name): Case => ({
    kernel: name,
    name: 'int32 of every sign',
    inputs: [
      int([6], [7, -7, 7, -7, 0, 6]),
      int([6], name === 'Pow' ? [2, 3, 0, 1, 2, 1] : [3, 3, -3, -3, 5, -2]),
    ],
    run: (x, y) => BINARY[name]!.fn(x, y),
  })),
  {
    kernel: 'FloorDiv',
    name: 'int32 by zero gives 0',
    inputs: [int([3], [7, 0, -7]), int([3], [0, 0, 2])],
    run: (x, y) => tf.floorDiv(x, y),
  },
  {
    kernel: 'Pow',
    name: 'square',
    inputs: [float([2, 3])],
    run: (x) => tf.pow(x, 2),
    gradient: [0],
  },
  // tfjs composes logicalXor of others and its cpu backend has no such kernel.
  ...[[], [6], [0, 2]].map((shape): Case => ({
    kernel: 'LogicalXor',
    name: `[${shape.join(', ')}]`,
    inputs: [bool(shape), bool(shape)],
    run: (a, b) => kernel('LogicalXor', { a: a, b: b }),
    onCpu: (a, b) => tf.logicalXor(a, b),
  })),
  {
    kernel: 'Select',
    name: 'rows by a vector',
    inputs: [bool([2], [0, 1]), float([2, 3]), float([2, 3])],
    run: (c, x, y) => kernel('Select', { condition: c, t: x, e: y }),
    // The cpu backend takes the wrong elements.
    onCpu: (c, x, y) => tf.where(tf.reshape(c, [2, 1]), x, y),
  },
  {
    kernel: 'BitwiseAnd',
    name: 'int32',
    inputs: [int([2, 3]), int([2, 3])],
    run: (a, b) => tf.bitwiseAnd(a, b),
  },
  ...[[2, 3], [0, 2], []].map((shape): Case => ({
    kernel: 'AddN',
    name: `[${shape.join(', ')}]`,
    inputs: [float(shape), float(shape), float(shape)],
    run: (...x) => tf.addN(x),
    gradient: [0, 1, 2],
  })),
  { kernel: 'AddN', name: 'one', inputs: [float([2])], run: (...x) => tf.addN(x), gradient: [0] },
  { kernel: 'AddN', name: 'int32', inputs: [int([2]), int([2])], run: (...x) => tf.addN(x) },
  ...(
    [
      [
        [2, 3],
        [2, 3],
        [2, 3],
      ],
      [[], [2, 3], [2, 3]],
      [[2, 1], [2, 3], []],
      [
        [2, 3],
        [1, 3],
        [2, 1],
      ],
      [
        [0, 3],
        [0, 3],
        [0, 3],
      ],
      [[1], [1], [1]],
    ] as number[][][]
  ).flatMap(([condition, t, e]): Case[] => {
    const name = `[${condition!.join(', ')}] [${t!.join(', ')}] [${e!.join(', ')}]`;
    return [
      {
        kernel: 'Select',
        name,
        inputs: [bool(condition!), float(t!), float(e!)],
        run: (c, x, y) => tf.where(c, x, y),
        gradient: [1, 2],
      },
      {
        kernel: 'Select',
        name: `int32 ${name}`,
        inputs: [bool(condition!), int(t!), int(e!)],
        run: (c, x, y) => tf.where(c, x, y),
      },
    ];
  }),
];
