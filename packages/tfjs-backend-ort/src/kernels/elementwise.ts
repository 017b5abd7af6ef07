import { Graph } from '../graph/graph.ts';
import { binary, scalar, unary } from '../graph/math.ts';
import type { Value } from '../graph/types.ts';
import { defineKernel } from './define.ts';

const float = (g: Graph, x: Value) => g.cast(x, 'float32');

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
    if (x!.dtype === 'float32' || INTEGER.has(name)) return unary(g, op, x!);
    const result = unary(g, op, float(g, x!));
    return KEEPS_INTEGERS.has(name) ? g.cast(result, x!.dtype) : result;
  });

defineKernel('Square', (g, { x }) => binary(g, 'Mul', x!, x!));
defineKernel('Rsqrt', (g, { x }) =>
  binary(g, 'Div', g.splat('float32', [], 1), unary(g, 'Sqrt', float(g, x!))),
);
defineKernel('Expm1', (g, { x }) => {
  // exp(x) - 1 loses digits near 0; 2 sinh(x/2) exp(x/2) does not.
  const half = binary(g, 'Mul', float(g, x!), g.splat('float32', [], 0.5));
  const product = binary(g, 'Mul', unary(g, 'Sinh', half), unary(g, 'Exp', half));
  return binary(g, 'Mul', product, g.splat('float32', [], 2));
});
defineKernel('Log1p', (g, { x }) => {
  // log(1 + x) = 2 atanh(x / (2 + x)) keeps the digits near 0.
  const value = float(g, x!);
  const ratio = binary(g, 'Div', value, binary(g, 'Add', value, g.splat('float32', [], 2)));
  const small = binary(g, 'Mul', unary(g, 'Atanh', ratio), g.splat('float32', [], 2));
  const large = unary(g, 'Log', binary(g, 'Add', value, g.splat('float32', [], 1)));
  const near = g.op('Less', [unary(g, 'Abs', value), g.splat('float32', [], 0.5)], 'bool', value.shape, {
    broadcasts: true,
  });
  return g.op('Where', [near, small, large], 'float32', value.shape);
});
defineKernel('Sign', (g, { x }) => unary(g, 'Sign', x!));
defineKernel('IsNan', (g, { x }) => unary(g, 'IsNaN', float(g, x!), 'bool'));
defineKernel('IsInf', (g, { x }) => unary(g, 'IsInf', float(g, x!), 'bool'));
defineKernel('IsFinite', (g, { x }) => {
  const zero = binary(g, 'Sub', float(g, x!), float(g, x!));
  return binary(g, 'Equal', zero, g.splat('float32', [], 0), 'bool');
});
defineKernel('LogicalNot', (g, { x }) => unary(g, 'Not', g.cast(x!, 'bool')));
defineKernel('Relu6', (g, { x }) => clip(g, float(g, x!), 0, 6));
defineKernel<{ clipValueMin: number; clipValueMax: number }>(
  'ClipByValue',
  (g, { x }, { clipValueMin, clipValueMax }) => clip(g, x!, clipValueMin, clipValueMax),
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
  return g.op('Where', [positive, dy!, slope], 'float32', y!.shape);
});
defineKernel('Selu', (g, { x }) => unary(g, 'Selu', float(g, x!)));
defineKernel('Prelu', (g, { x, alpha }) => {
  const negative = binary(g, 'Mul', x!, alpha!);
  const positive = binary(g, 'GreaterOrEqual', x!, scalar(g, x!, 0), 'bool');
  return g.op('Where', [positive, x!, negative], 'float32', negative.shape);
});
defineKernel<{ alpha: number }>('Step', (g, { x }, { alpha }) => {
  const value = float(g, x!);
  const positive = binary(g, 'Greater', value, scalar(g, value, 0), 'bool');
  const step = g.op(
    'Where',
    [positive, scalar(g, value, 1), scalar(g, value, alpha)],
    'float32',
    value.shape,
    { broadcasts: true },
  );
  const nan = unary(g, 'IsNaN', value, 'bool');
  return g.op('Where', [nan, value, step], 'float32', value.shape);
});

function clip(g: Graph, x: Value, low: number, high: number): Value {
  return g.op('Clip', [x, scalar(g, x, low), scalar(g, x, high)], x.dtype, x.shape, { broadcasts: true });
}

for (const [name, op] of Object.entries({ Add: 'Add', Sub: 'Sub', Multiply: 'Mul' }))
  defineKernel(name, (g, { a, b }) => binary(g, op, a!, b!));
defineKernel('Maximum', (g, { a, b }) => binary(g, 'Max', a!, b!));
defineKernel('Minimum', (g, { a, b }) => binary(g, 'Min', a!, b!));
defineKernel('AddN', (g, inputs) => Object.values(inputs).reduce((sum, x) => binary(g, 'Add', sum, x)));
defineKernel('SquaredDifference', (g, { a, b }) => {
  const difference = binary(g, 'Sub', a!, b!);
  return binary(g, 'Mul', difference, difference);
});
defineKernel('RealDiv', (g, { a, b }) => binary(g, 'Div', float(g, a!), float(g, b!)));
defineKernel('FloorDiv', (g, { a, b }) => floorDivide(g, a!, b!));
defineKernel('Mod', (g, { a, b }) => {
  if (a!.dtype === 'int32') return binary(g, 'Sub', a!, binary(g, 'Mul', floorDivide(g, a!, b!), b!));
  // C's remainder has the sign of the dividend, tfjs's that of the divisor.
  const remainder = (x: Value, y: Value) => {
    const shape = binary(g, 'Mul', x, y).shape;
    return g.op('Mod', [g.expand(x, shape), g.expand(y, shape)], 'float32', shape, {
      attributes: { fmod: 1 },
    });
  };
  return remainder(binary(g, 'Add', remainder(a!, b!), b!), b!);
});
defineKernel('Pow', (g, { a, b }) => {
  if (Graph.element(b!) === 2 && a!.dtype === b!.dtype && binaryShapeIs(a!, b!))
    return binary(g, 'Mul', a!, a!);
  return binary(g, 'Pow', a!, b!);
});
defineKernel('Atan2', (g, { a, b }) => {
  const zero = g.splat('float32', [], 0);
  const pi = g.splat('float32', [], Math.PI);
  const base = unary(g, 'Atan', binary(g, 'Div', a!, b!));
  const shape = base.shape;
  const below = binary(g, 'Less', g.expand(a!, shape), zero, 'bool');
  const turn = g.op(
    'Where',
    [below, binary(g, 'Sub', base, pi), binary(g, 'Add', base, pi)],
    'float32',
    shape,
  );
  const left = binary(g, 'Less', g.expand(b!, shape), zero, 'bool');
  const angle = g.op('Where', [left, turn, base], 'float32', shape);
  const origin = binary(
    g,
    'Equal',
    binary(g, 'Add', unary(g, 'Abs', g.expand(a!, shape)), unary(g, 'Abs', g.expand(b!, shape))),
    zero,
    'bool',
  );
  return g.op('Where', [origin, g.dense(g.splat('float32', shape, 0)), angle], 'float32', shape);
});

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
  const shape = binary(g, 'Equal', t!, e!, 'bool').shape;
  return g.op(
    'Where',
    [g.dense(g.expand(g.cast(mask, 'bool'), shape)), g.expand(t!, shape), g.expand(e!, shape)],
    t!.dtype,
    shape,
    {
      broadcasts: true,
    },
  );
});

function comparable(g: Graph, x: Value): Value {
  return x.dtype === 'bool' ? g.cast(x, 'int32') : x;
}

function floorDivide(g: Graph, a: Value, b: Value): Value {
  if (a.dtype !== 'int32') return unary(g, 'Floor', binary(g, 'Div', a, b));
  const quotient = binary(g, 'Div', a, b);
  const rest = binary(g, 'Sub', a, binary(g, 'Mul', quotient, b));
  const zero = g.splat('int32', [], 0);
  const nonZero = unary(g, 'Not', binary(g, 'Equal', rest, zero, 'bool'));
  const signs = binary(
    g,
    'Xor',
    binary(g, 'Less', rest, zero, 'bool'),
    binary(g, 'Less', g.expand(b, rest.shape), zero, 'bool'),
    'bool',
  );
  return binary(g, 'Sub', quotient, g.cast(binary(g, 'And', nonZero, signs, 'bool'), 'int32'));
}

function binaryShapeIs(a: Value, b: Value): boolean {
  return (
    b.shape.length <= a.shape.length &&
    b.shape.every((dim, i) => dim === 1 || dim === a.shape[a.shape.length - b.shape.length + i])
  );
}
