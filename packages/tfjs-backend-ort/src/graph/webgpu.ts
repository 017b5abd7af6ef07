import { segmentSumByTree, unpackedMask } from './deviceKernels.ts';
import { Graph, type OpOptions, type Substitute, type Target } from './graph.ts';
import { binary, reduce, slice, unary, where } from './math.ts';
import { sizeOf, type Value } from './types.ts';

/*
 * What ONNX Runtime's provider `webgpu` lacks runs on the CPU, with a copy there and one back, and what it has may differ:
 * WGSL lets a compiler assume that no NaN occurs. So here operators are put together of those that it has and has right.
 */

const scalar = (g: Graph, element: number): Value => g.splat('float32', [], element);

/** Where x is no NaN. A comparison of two reads of memory, which no compiler takes for a tautology. */
function isNumber(g: Graph, x: Value): Value {
  return binary(g, 'Equal', x, x, 'bool');
}

const native = (g: Graph, op: string, x: Value, options: OpOptions = {}, rest: (Value | undefined)[] = []) =>
  g.native(op, [x, ...rest], [{ dtype: x.dtype, shape: x.shape }], options)[0]!;

/** The operator, but NaN where its first input is. */
function keepingNaN(op: string): Substitute {
  return (g, [x, ...rest], _outputs, options) => {
    if (x!.dtype !== 'float32') return undefined;
    const value = g.dense(x!);
    return [where(g, isNumber(g, value), native(g, op, value, options, rest), value, value.shape)];
  };
}

/** The operator, but NaN outside its domain. */
function within(op: string, inside: (g: Graph, x: Value) => Value): Substitute {
  return (g, [x], _outputs, options) => {
    const value = g.dense(x!);
    return [where(g, inside(g, value), native(g, op, value, options), scalar(g, NaN), value.shape)];
  };
}

const atLeast = (bound: number) => (g: Graph, x: Value) =>
  binary(g, 'GreaterOrEqual', x, scalar(g, bound), 'bool');

/** What of a and b is neither 0 nor false: of booleans there are `And`, `Not` and comparisons. */
const booleans: Readonly<Record<string, Substitute>> = {
  Or: (g, [a, b]) => {
    const no = (x: Value) => unary(g, 'Not', x, 'bool');
    return [no(binary(g, 'And', no(a!), no(b!), 'bool'))];
  },
  Xor: (g, [a, b]) => {
    const [x, y] = [g.cast(a!, 'int32'), g.cast(b!, 'int32')];
    return [unary(g, 'Not', binary(g, 'Equal', x, y, 'bool'), 'bool')];
  },
};

const sign: Substitute = (g, [x]) => {
  const zero = g.splat(x!.dtype, [], 0);
  const above = g.cast(binary(g, 'Greater', x!, zero, 'bool'), x!.dtype);
  const below = g.cast(binary(g, 'Less', x!, zero, 'bool'), x!.dtype);
  const found = binary(g, 'Sub', above, below);
  return [x!.dtype === 'float32' ? where(g, isNumber(g, x!), found, x!, x!.shape) : found];
};

const isInfinite: Substitute = (g, [x], _outputs, { attributes = {} }) => {
  const { detect_positive: above = 1, detect_negative: below = 1 } = attributes;
  const value = above && below ? unary(g, 'Abs', x!) : x!;
  return [binary(g, 'Equal', value, scalar(g, above ? Infinity : -Infinity), 'bool')];
};

/** A NaN among its inputs makes all of a softmax NaN; infinities of both signs do so anyway. */
const softmax: Substitute = (g, [x], [output], options) => {
  const sum = reduce(g, 'ReduceSum', x!, [options.attributes!['axis'] as number], true);
  const found = g.native('Softmax', [x], [output!], options)[0]!;
  return [where(g, g.expand(isNumber(g, sum), x!.shape), found, scalar(g, NaN), x!.shape)];
};

const logSoftmax: Substitute = (g, [x], _outputs, { attributes = {} }) => {
  const axes = [attributes['axis'] as number];
  const below = binary(g, 'Sub', x!, reduce(g, 'ReduceMax', x!, axes, true));
  const total = reduce(g, 'ReduceSum', unary(g, 'Exp', below), axes, true);
  return [binary(g, 'Sub', below, unary(g, 'Log', total))];
};

/** Of matrices a Gemm, which reads them transposed; of more axes a product of transposes. */
const product: Substitute = (g, [a, b], [output], { attributes = {} }) => {
  const { transA = 0, transB = 0, alpha } = attributes;
  if (a!.shape.length === 2 && b!.shape.length === 2)
    return g.many('Gemm', [a, b], [output!], { attributes: { transA, transB, alpha: alpha! } });
  const turned = (x: Value, turn: unknown) => {
    const axes = x.shape.map((_, i) => i);
    return turn ? g.transpose(x, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]) : x;
  };
  const plain = g.op('MatMul', [turned(a!, transA), turned(b!, transB)], 'float32', output!.shape);
  return [binary(g, 'Mul', plain, scalar(g, (alpha as { float: number }).float))];
};

/** As in C: NaN to the power of 0 is 1, and what is negative has integral powers only. */
const power: Substitute = (g, [a, b], [output], options) => {
  if (a!.dtype !== 'float32' || b!.dtype !== 'float32') return undefined;
  const { shape } = output!;
  const test = (op: string, x: Value, y: Value) => binary(g, op, x, y, 'bool');
  const either = (x: Value, y: Value) => binary(g, 'Or', x, y, 'bool');
  const zero = scalar(g, 0);
  const integral = test('Equal', unary(g, 'Floor', b!), b!);
  const real = either(test('GreaterOrEqual', a!, zero), test('Equal', a!, scalar(g, -Infinity)));
  const known = either(
    binary(g, 'And', either(integral, real), isNumber(g, a!), 'bool'),
    test('Equal', b!, zero),
  );
  const defined = binary(g, 'And', known, isNumber(g, b!), 'bool');
  const found = g.native('Pow', [a, b], [output!], options)[0]!;
  return [where(g, g.expand(defined, shape), found, scalar(g, NaN), shape)];
};

/** ONNX Runtime's gives no positions, and of a window of -Infinity another number. Of equal elements the first stays. */
const maxPool: Substitute = (g, [x], [pooled, at], { attributes = {} }) => {
  const numbers = (name: string) => attributes[name] as [number, number];
  const [kernel, strides] = [numbers('kernel_shape'), numbers('strides')];
  const [top, left, bottom, right] = attributes['pads'] as [number, number, number, number];
  const [B, C, H, W] = x!.shape as [number, number, number, number];
  const [rows, columns] = pooled!.shape.slice(2) as [number, number];
  const padded = g.op(
    'Pad',
    [g.dense(x!), g.int64([0, 0, top, left, 0, 0, bottom, right]), scalar(g, -Infinity)],
    'float32',
    [B, C, H + top + bottom, W + left + right],
    { broadcasts: true },
  );
  const ints = (shape: number[], of: (i: number) => number) =>
    g.constant(
      'int32',
      shape,
      Int32Array.from({ length: sizeOf(shape) }, (_, i) => of(i)),
    );
  const planes = ints([B, C, 1, 1], (i) => i * H * W);
  let best: Value | undefined;
  let position: Value | undefined;
  for (let dy = 0; dy < kernel[0]; dy++)
    for (let dx = 0; dx < kernel[1]; dx++) {
      const value = slice(g, padded, [0, 0, dy, dx], pooled!.shape, [1, 1, ...strides]);
      const inPlane = ints([1, 1, rows, columns], (i) => {
        const row = Math.floor(i / columns) * strides[0] + dy - top;
        return row * W + (i % columns) * strides[1] + dx - left;
      });
      const place = g.expand(binary(g, 'Add', planes, inPlane), pooled!.shape);
      if (best && position) {
        const larger = binary(g, 'Greater', value, best, 'bool');
        best = where(g, larger, value, best, pooled!.shape);
        position = where(g, larger, place, position, pooled!.shape);
      } else [best, position] = [value, place];
    }
  return at ? [best!, position!] : [best!];
};

/** Indices without their sign (kernels/indices.ts): as the device checks none, they are read as they are. */
const bits: Substitute = (_g, [a, b], [output]) =>
  output!.dtype === 'int64' && b!.constant?.every((mask) => mask === 2n ** 32n - 1n) ? [a!] : undefined;

/** ONNX Runtime on a GPU, by WebGPU. */
export const webgpu: Target = {
  sumsInOrder: false,
  fusedProducts: false,
  substitutes: {
    ...Object.fromEntries(
      ['Relu', 'Exp', 'Sigmoid', 'Softplus', 'Elu', 'Asinh', 'Cosh', 'Clip'].map((op) => [
        op,
        keepingNaN(op),
      ]),
    ),
    ...booleans,
    Log: within('Log', atLeast(0)),
    Acosh: within('Acosh', atLeast(1)),
    Atanh: within('Atanh', (g, x) => binary(g, 'LessOrEqual', unary(g, 'Abs', x), scalar(g, 1), 'bool')),
    IsNaN: (g, [x]) => [unary(g, 'Not', isNumber(g, x!), 'bool')],
    IsInf: isInfinite,
    Sign: sign,
    Softmax: softmax,
    LogSoftmax: logSoftmax,
    FusedMatMul: product,
    MaxPool: maxPool,
    Pow: power,
    BitwiseAnd: bits,
    KeepMask: (g, [key], [mask], { attributes }) => [
      unpackedMask(g, key!, mask!.shape, attributes as { site: number; threshold: number }),
    ],
    SegmentSum: (g, [rows, ids], [sums]) => [segmentSumByTree(g, rows!, ids!, sums!.shape)],
  },
};
