import { tf } from '../../src/tfjs.js';
import { bool, float, int, kernel, type Case, type Fill } from './cases.ts';

const SHAPES = [[], [1], [2, 1, 3], [0, 3]];
const SPECIAL = [-Infinity, -30, -2.5, -1.5, -1, -0.5, -0, 0, 0.5, 1, 1.5, 2.5, 30, Infinity, NaN];

/** How the rows of a kernel of one input are made. */
export interface Unary {
  fn: (x: tf.Tensor) => tf.Tensor;
  fill?: Fill;
  /** No gradient in tfjs. */
  fixed?: true;
  /** Special values whose result differs from tfjs's, and why. */
  special?: { without: readonly number[]; why: string };
  tolerance?: Case['tolerance'];
  webgpu?: Case['webgpu'];
}

const webgpu: Case['webgpu'] = {
  relative: 5e-4,
  why: 'WGSL promises sine and cosine to 2^-11 and lets the others inherit it; SwiftShader is 7e-5 off at worst',
};

/** Kernels of one input by name. */
export const UNARY: Record<string, Unary> = {
  Abs: { fn: tf.abs },
  Acos: { fn: tf.acos, fill: 'unit', webgpu },
  Acosh: { fn: tf.acosh, fill: 'above1' },
  Asin: { fn: tf.asin, fill: 'unit' },
  Asinh: { fn: tf.asinh },
  Atan: { fn: tf.atan },
  Atanh: { fn: tf.atanh, fill: 'unit' },
  Ceil: { fn: tf.ceil },
  Cos: { fn: tf.cos, webgpu },
  Cosh: { fn: tf.cosh },
  Elu: { fn: tf.elu },
  Erf: { fn: tf.erf },
  Exp: { fn: tf.exp },
  Expm1: { fn: tf.expm1 },
  Floor: { fn: tf.floor },
  IsFinite: { fn: tf.isFinite, fixed: true },
  IsInf: { fn: tf.isInf, fixed: true },
  IsNan: { fn: tf.isNaN, fixed: true },
  LeakyRelu: { fn: (x) => tf.leakyRelu(x, 0.3) },
  Log: { fn: tf.log, fill: 'positive' },
  Log1p: { fn: tf.log1p, fill: 'unit' },
  Neg: { fn: tf.neg },
  Reciprocal: { fn: tf.reciprocal, fill: 'positive' },
  Relu: { fn: tf.relu },
  Relu6: { fn: tf.relu6 },
  Round: { fn: tf.round },
  Rsqrt: { fn: tf.rsqrt, fill: 'positive' },
  Selu: { fn: tf.selu },
  Sigmoid: { fn: tf.sigmoid },
  Sign: {
    fn: tf.sign,
    special: { without: [NaN], why: 'the sign of NaN is 0 in tfjs, NaN in TensorFlow and here' },
  },
  Sin: { fn: tf.sin, webgpu },
  Sinh: { fn: tf.sinh },
  Softplus: { fn: tf.softplus },
  Sqrt: { fn: tf.sqrt, fill: 'positive' },
  Square: { fn: tf.square },
  Step: { fn: (x) => tf.step(x, 0.25) },
  Tan: { fn: tf.tan, fill: 'unit', webgpu },
  Tanh: { fn: tf.tanh },
  ClipByValue: { fn: (x) => tf.clipByValue(x, -0.77, 1.19) },
  Identity: { fn: tf.clone },
  OnesLike: { fn: tf.onesLike },
  ZerosLike: { fn: tf.zerosLike },
};

/** Those that mean something for integers: tfjs refuses others or cuts their results off. */
export const INTEGERS = new Set([
  'Abs',
  'ClipByValue',
  'Exp',
  'Identity',
  'IsFinite',
  'IsInf',
  'IsNan',
  'Neg',
  'OnesLike',
  'Relu',
  'Sign',
  'Square',
  'ZerosLike',
]);

const rows = Object.entries(UNARY).flatMap(([name, row]): Case[] => {
  const common = {
    kernel: name,
    run: (x: tf.Tensor) => row.fn(x),
    ...(row.tolerance ? { tolerance: row.tolerance } : {}),
    ...(row.webgpu ? { webgpu: row.webgpu } : {}),
  };
  const special = SPECIAL.filter((value) => !row.special?.without.some((other) => Object.is(other, value)));
  return [
    ...SHAPES.map((shape) => ({
      ...common,
      name: `[${shape.join(', ')}]`,
      inputs: [float(shape, row.fill ?? 'spread')],
      ...(row.fixed ? {} : { gradient: [0] }),
    })),
    {
      ...common,
      name: 'special values',
      inputs: [float([special.length], special)],
    },
    ...(INTEGERS.has(name) ? [{ ...common, name: 'int32', inputs: [int([2, 3])] }] : []),
  ];
});

/** Kernels of one input, element by element. */
export const unaryCases: Case[] = [
  ...rows,
  ...SHAPES.map((shape): Case => ({
    kernel: 'LogicalNot',
    name: `[${shape.join(', ')}]`,
    inputs: [bool(shape)],
    run: (x) => tf.logicalNot(x),
  })),
  ...[[], [5], [2, 3], [0, 3]].map((shape): Case => ({
    kernel: 'EluGrad',
    name: `[${shape.join(', ')}]`,
    inputs: [float(shape), float(shape, 'unit')],
    run: (dy, y) => kernel('EluGrad', { dy: dy, y: y }),
  })),
  ...(['float32', 'int32', 'bool'] as const).flatMap((from) =>
    (['float32', 'int32', 'bool'] as const).flatMap((to) =>
      [[], [2, 3], [0, 2]].map((shape): Case => {
        const fill: Fill =
          from === 'float32' && shape.length === 2 && shape[0] !== 0
            ? [-1.7, -0.2, 0, 0.4, 1, 2.9]
            : 'integers';
        return {
          kernel: 'Cast',
          name: `${from} to ${to} [${shape.join(', ')}]`,
          inputs: [{ shape, dtype: from, fill: from === 'bool' ? 'bits' : fill }],
          run: (x) => kernel('Cast', { x: x }, { dtype: to }),
        };
      }),
    ),
  ),
  {
    kernel: 'Cast',
    name: 'gradient',
    inputs: [float([2, 3])],
    run: (x) => tf.cast(x, 'float32'),
    gradient: [0],
  },
];
