import { Graph } from '../graph/graph.ts';
import { binary, broadcastShape, scalar, unary, where } from '../graph/math.ts';
import type { Value } from '../graph/types.ts';
import { defineKernel } from './define.ts';

const float = (g: Graph, x: Value) => g.cast(x, 'float32');
/** ONNX has no arithmetic of booleans: they are numbers while they are computed with. */
const number = (g: Graph, x: Value) => (x.dtype === 'bool' ? g.cast(x, 'int32') : x);

/** Computes with numbers; of booleans the result is one again, true unless it is 0. */
function arithmetic(g: Graph, values: Value[], compute: (...numbers: Value[]) => Value): Value {
  const result = compute(...values.map((x) => number(g, x)));
  return values.every(({ dtype }) => dtype === 'bool') ? g.cast(result, 'bool') : result;
}

/** Kernels with one input that ONNX has under a name of its own. */
const UNARY: Record<string, string> = {
  Abs: 'Abs',
  Acos: 'Acos',
  Acosh: 'Acosh',
  Asin: 'Asin',
  Asinh: 'Asinh',
  Atan: 'Atan',
  Atanh: 'Atanh',
  Ceil: 'Ceil',
  Cos: 'Cos',
  Cosh: 'Cosh',
  Erf: 'Erf',
  Exp: 'Exp',
  Floor: 'Floor',
  Log: 'Log',
  Neg: 'Neg',
  Reciprocal: 'Reciprocal',
  Relu: 'Relu',
  Round: 'Round',
  Sigmoid: 'Sigmoid',
  Sin: 'Sin',
  Sinh: 'Sinh',
  Softplus: 'Softplus',
  Sqrt: 'Sqrt',
  Tan: 'Tan',
  Tanh: 'Tanh',
};
/** Those that ONNX Runtime also has for int32. */
const INTEGER = new Set(['Abs', 'Neg']);
/** Those whose result for integers is the integers. */
const KEEPS_INTEGERS = new Set(['Abs', 'Neg', 'Ceil', 'Floor', 'Round', 'Relu']);

for (const [name, op] of Object.entries(UNARY))
  defineKernel(name, (g, { x }) => {
    const element = Graph.element(x!);
    if (name === 'Neg' && element !== undefined && x!.dtype === 'float32')
      return g.splat('float32', x!.shape, -element);
    if (x!.dtype === 'float32') return unary(g, op, x!);
    if (INTEGER.has(name)) return arithmetic(g, [x!], (value) => unary(g, op, value));
    const result = unary(g, op, float(g, x!));
    return KEEPS_INTEGERS.has(name) ? g.cast(result, x!.dtype) : result;
  });

defineKernel('Square', (g, { x }) => arithmetic(g, [x!], (value) => binary(g, 'Mul', value, value)));
defineKernel('Rsqrt', (g, { x }) =>
  binary(g, 'Div', g.splat('float32', [], 1), unary(g, 'Sqrt', float(g, x!))),
);
defineKernel('Expm1', (g, { x }) => {
  // exp(x) - 1 loses digits near 0; 2 sinh(x/2) exp(x/2) does not, but is infinity times 0 far below it.
  const value = float(g, x!);
  const half = binary(g, 'Mul', value, g.splat('float32', [], 0.5));
  const product = binary(g, 'Mul', unary(g, 'Sinh', half), unary(g, 'Exp', half));
  const small = binary(g, 'Mul', product, g.splat('float32', [], 2));
  const large = binary(g, 'Sub', unary(g, 'Exp', value), g.splat('float32', [], 1));
  return where(g, isNear(g, value, 0.5), small, large, value.shape);
});
defineKernel('Log1p', (g, { x }) => {
  // log(1 + x) = 2 atanh(x / (2 + x)) keeps the digits near 0.
  const value = float(g, x!);
  const ratio = binary(g, 'Div', value, binary(g, 'Add', value, g.splat('float32', [], 2)));
  const small = binary(g, 'Mul', unary(g, 'Atanh', ratio), g.splat('float32', [], 2));
  const large = unary(g, 'Log', binary(g, 'Add', value, g.splat('float32', [], 1)));
  return where(g, isNear(g, value, 0.5), small, large, value.shape);
});

/** Whether |x| is below a bound. */
function isNear(g: Graph, x: Value, bound: number): Value {
  return binary(g, 'Less', unary(g, 'Abs', x), g.splat('float32', [], bound), 'bool');
}

defineKernel('Sign', (g, { x }) => arithmetic(g, [x!], (value) => unary(g, 'Sign', value)));
defineKernel('IsNan', (g, { x }) => unary(g, 'IsNaN', float(g, x!), 'bool'));
defineKernel('IsInf', (g, { x }) => unary(g, 'IsInf', float(g, x!), 'bool'));
defineKernel('IsFinite', (g, { x }) => {
  const zero = binary(g, 'Sub', float(g, x!), float(g, x!));
  return binary(g, 'Equal', zero, g.splat('float32', [], 0), 'bool');
});
defineKernel('LogicalNot', (g, { x }) => unary(g, 'Not', g.cast(x!, 'bool')));
defineKernel('Relu6', (g, { x }) => g.cast(clip(g, float(g, x!), 0, 6), x!.dtype));
defineKernel<{ clipValueMin: number; clipValueMax: number }>(
  'ClipByValue',
  (g, { x }, { clipValueMin, clipValueMax }) =>
    arithmetic(g, [x!], (value) => clip(g, value, clipValueMin, clipValueMax)),
);
defineKernel<{ alpha: number }>('LeakyRelu', (g, { x }, { alpha }) =>
  g.op('LeakyRelu', [float(g, x!)], 'float32', x!.shape, { attributes: { alpha: { float: alpha } } }),
);
defineKernel('Elu', (g, { x }) =>
  g.op('Elu', [float(g, x!)], 'float32', x!.shape, { attributes: { alpha: { float: 1 } } }),
);
defineKernel('EluGrad', (g, { dy, y }) => {
  const positive = binary(g, 'GreaterOrEqual', y!, scalar(g, y!, 0), 'bool');
  const slope = binary(g, 'Mul', dy!, binary(g, 'Add', y!, scalar(g, y!, 1)));
  return where(g, positive, dy!, slope, y!.shape);
});
defineKernel('Selu', (g, { x }) => unary(g, 'Selu', float(g, x!)));
defineKernel('Prelu', (g, { x, alpha }) => {
  const value = float(g, x!);
  const negative = binary(g, 'Mul', value, float(g, alpha!));
  const positive = binary(g, 'GreaterOrEqual', value, scalar(g, value, 0), 'bool');
  return where(g, positive, value, negative, negative.shape);
});
defineKernel<{ alpha: number }>('Step', (g, { x }, { alpha }) => {
  const value = float(g, x!);
  const positive = binary(g, 'Greater', value, scalar(g, value, 0), 'bool');
  const step = where(g, positive, scalar(g, value, 1), scalar(g, value, alpha), value.shape);
  return g.cast(where(g, unary(g, 'IsNaN', value, 'bool'), value, step, value.shape), x!.dtype);
});

function clip(g: Graph, x: Value, low: number, high: number): Value {
  return g.op('Clip', [g.dense(x), scalar(g, x, low), scalar(g, x, high)], x.dtype, x.shape, {
    broadcasts: true,
  });
}

for (const [name, op] of Object.entries({ Add: 'Add', Sub: 'Sub', Multiply: 'Mul' }))
  defineKernel(name, (g, { a, b }) => arithmetic(g, [a!, b!], (x, y) => binary(g, op, x, y)));
for (const [name, op] of Object.entries({ Maximum: 'Max', Minimum: 'Min' }))
  defineKernel(name, (g, { a, b }) => arithmetic(g, [a!, b!], (x, y) => binary(g, op, x, y)));
defineKernel('AddN', (g, inputs) =>
  arithmetic(g, Object.values(inputs), (...values) => values.reduce((sum, x) => binary(g, 'Add', sum, x))),
);
defineKernel('SquaredDifference', (g, { a, b }) =>
  arithmetic(g, [a!, b!], (x, y) => {
    const difference = binary(g, 'Sub', x, y);
    return binary(g, 'Mul', difference, difference);
  }),
);
defineKernel('RealDiv', (g, { a, b }) => binary(g, 'Div', float(g, a!), float(g, b!)));
defineKernel('FloorDiv', (g, { a, b }) => floorDivide(g, number(g, a!), number(g, b!)));
defineKernel('Mod', (g, { a, b }) => arithmetic(g, [a!, b!], (x, y) => modulo(g, x, y)));

function modulo(g: Graph, a: Value, b: Value): Value {
  if (a.dtype === 'int32') return binary(g, 'Sub', a, binary(g, 'Mul', floorDivide(g, a, b), b));
  // C's remainder has the sign of the dividend, tfjs's that of the divisor.
  const remainder = (x: Value, y: Value) =>
    g.op('Mod', [g.expand(x, shape), g.expand(y, shape)], 'float32', shape, { attributes: { fmod: 1 } });
  const shape = broadcastShape(a.shape, b.shape);
  const rest = remainder(a, b);
  const isNegative = (x: Value) => binary(g, 'Less', g.expand(x, shape), g.splat('float32', [], 0), 'bool');
  const differ = binary(g, 'Xor', isNegative(a), isNegative(b), 'bool');
  return where(g, differ, remainder(binary(g, 'Add', rest, b), b), rest, shape);
}

defineKernel('Pow', (g, { a, b }) => {
  if (Graph.element(b!) === 2 && a!.dtype === b!.dtype && a!.dtype !== 'bool' && binaryShapeIs(a!, b!))
    return binary(g, 'Mul', a!, a!);
  return arithmetic(g, [a!, b!], (x, y) => binary(g, 'Pow', x, y));
});
defineKernel('Atan2', (g, { a, b }) => {
  const result = angle(g, float(g, a!), float(g, b!));
  return a!.dtype === 'float32' ? result : g.cast(g.cast(result, 'int32'), a!.dtype);
});

/** The angle of (b, a); its type is that of a, as in tfjs. */
function angle(g: Graph, a: Value, b: Value): Value {
  const zero = g.splat('float32', [], 0);
  const pi = g.splat('float32', [], Math.PI);
  const base = unary(g, 'Atan', binary(g, 'Div', a, b));
  const shape = base.shape;
  const below = binary(g, 'Less', g.expand(a, shape), zero, 'bool');
  const turn = where(g, below, binary(g, 'Sub', base, pi), binary(g, 'Add', base, pi), shape);
  const left = binary(g, 'Less', g.expand(b, shape), zero, 'bool');
  const turned = where(g, left, turn, base, shape);
  const size = binary(g, 'Add', unary(g, 'Abs', g.expand(a, shape)), unary(g, 'Abs', g.expand(b, shape)));
  return where(g, binary(g, 'Equal', size, zero, 'bool'), zero, turned, shape);
}

for (const [name, op] of Object.entries({
  Greater: 'Greater',
  GreaterEqual: 'GreaterOrEqual',
  Less: 'Less',
  LessEqual: 'LessOrEqual',
}))
  defineKernel(name, (g, { a, b }) => binary(g, op, comparable(g, a!), comparable(g, b!), 'bool'));
defineKernel('Equal', (g, { a, b }) => binary(g, 'Equal', a!, b!, 'bool'));
defineKernel('NotEqual', (g, { a, b }) => unary(g, 'Not', binary(g, 'Equal', a!, b!, 'bool')));
for (const [name, op] of Object.entries({ LogicalAnd: 'And', LogicalOr: 'Or', LogicalXor: 'Xor' }))
  defineKernel(name, (g, { a, b }) => binary(g, op, g.cast(a!, 'bool'), g.cast(b!, 'bool'), 'bool'));

defineKernel('BitwiseAnd', (g, { a, b }) => binary(g, 'BitwiseAnd', a!, b!));

defineKernel('Select', (g, { condition, t, e }) => {
  const rank = t!.shape.length;
  // A vector condition selects whole rows.
  const mask =
    condition!.shape.length === 1 && rank > 1
      ? g.reshape(condition!, [condition!.shape[0]!, ...Array.from({ length: rank - 1 }, () => 1)])
      : condition!;
  return where(
    g,
    g.cast(mask, 'bool'),
    t!,
    e!,
    broadcastShape(mask.shape, broadcastShape(t!.shape, e!.shape)),
  );
});

function comparable(g: Graph, x: Value): Value {
  return x.dtype === 'bool' ? g.cast(x, 'int32') : x;
}

/** The quotient rounded down, int32 as in tfjs; for integers, anything divided by 0 is 0. */
function floorDivide(g: Graph, a: Value, b: Value): Value {
  if (a.dtype !== 'int32') return g.cast(unary(g, 'Floor', binary(g, 'Div', a, b)), 'int32');
  const zero = g.splat('int32', [], 0);
  const byZero = binary(g, 'Equal', b, zero, 'bool');
  // ONNX Runtime fails where it divides an integer by 0.
  const divisor = where(g, byZero, g.splat('int32', [], 1), b, b.shape);
  const quotient = binary(g, 'Div', a, divisor);
  const shape = quotient.shape;
  const rest = binary(g, 'Sub', a, binary(g, 'Mul', quotient, divisor));
  const isNegative = (x: Value) => binary(g, 'Less', g.expand(x, shape), zero, 'bool');
  const nonZero = unary(g, 'Not', binary(g, 'Equal', rest, zero, 'bool'));
  const differ = binary(g, 'Xor', isNegative(rest), isNegative(divisor), 'bool');
  const floor = binary(g, 'Sub', quotient, g.cast(binary(g, 'And', nonZero, differ, 'bool'), 'int32'));
  return where(g, byZero, zero, floor, shape);
}

function binaryShapeIs(a: Value, b: Value): boolean {
  return (
    b.shape.length <= a.shape.length &&
    b.shape.every((dim, i) => dim === 1 || dim === a.shape[a.shape.length - b.shape.length + i])
  );
}
