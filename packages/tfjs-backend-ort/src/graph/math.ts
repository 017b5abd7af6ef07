import { Graph } from './graph.ts';
import { sameShape, sizeOf, type DType, type Value } from './types.ts';

/** The shape that two shapes broadcast to. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new Error(`shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast`);
    return x === 1 ? y : x;
  });
}

const FOLD: Record<string, (a: number, b: number) => number> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
};

/**
 * An element-wise ONNX operator of two inputs that broadcast; neutral elements and products of constants are folded.
 */
export function binary(g: Graph, op: string, a: Value, b: Value, dtype: DType = a.dtype): Value {
  const shape = broadcastShape(a.shape, b.shape);
  const x = Graph.element(a);
  const y = Graph.element(b);
  const fold = FOLD[op];
  if (fold && a.dtype === 'float32') {
    if (x !== undefined && y !== undefined)
      return g.splat(dtype, shape, Math.fround(fold(Math.fround(x), Math.fround(y))));
    if (y === 0 && (op === 'Add' || op === 'Sub')) return g.expand(a, shape);
    if (x === 0 && op === 'Add') return g.expand(b, shape);
    if (y === 1 && (op === 'Mul' || op === 'Div')) return g.expand(a, shape);
    if (x === 1 && op === 'Mul') return g.expand(b, shape);
  }
  // A splat is fed as a scalar; if it alone gave the result its shape, the other side must be expanded.
  const left = y !== undefined && !sameShape(a.shape, shape) && x === undefined ? g.expand(a, shape) : a;
  const right = x !== undefined && !sameShape(b.shape, shape) && y === undefined ? g.expand(b, shape) : b;
  if (x !== undefined && y !== undefined)
    return g.op(op, [g.dense(g.expand(a, shape)), g.dense(g.expand(b, shape))], dtype, shape);
  return g.op(op, [left, right], dtype, shape, { broadcasts: true });
}

/** An element-wise ONNX operator of one input. */
export function unary(g: Graph, op: string, x: Value, dtype: DType = x.dtype): Value {
  return g.op(op, [x], dtype, x.shape);
}

/** A scalar of the value's element type. */
export function scalar(g: Graph, like: Value, element: number): Value {
  return g.splat(like.dtype, [], element);
}

/** Options of {@link matmul}. */
export interface MatmulOptions {
  transposeA?: boolean;
  transposeB?: boolean;
  /** Factor on the product. */
  alpha?: number;
}

/** A transpose of the last two axes only, or undefined. */
function swappedSource(value: Value): Value | undefined {
  if (value.node?.op !== 'Transpose') return undefined;
  const perm = value.node.attributes['perm'] as number[];
  const rank = perm.length;
  const swapsLast = perm.every(
    (axis, i) => axis === (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i),
  );
  return swapsLast ? value.node.inputs[0]! : undefined;
}

/** Matrix product over the last two axes, leading axes broadcast; transposes of its inputs are folded in. */
export function matmul(g: Graph, a: Value, b: Value, options: MatmulOptions = {}): Value {
  let { transposeA = false, transposeB = false } = options;
  const { alpha = 1 } = options;
  const plainA = swappedSource(a);
  const plainB = swappedSource(b);
  if (plainA) [a, transposeA] = [plainA, !transposeA];
  if (plainB) [b, transposeB] = [plainB, !transposeB];
  const [rows, inner] = transposeA ? [a.shape.at(-1)!, a.shape.at(-2)!] : [a.shape.at(-2)!, a.shape.at(-1)!];
  const columns = transposeB ? b.shape.at(-2)! : b.shape.at(-1)!;
  if (a.shape.length < 2 || b.shape.length < 2 || inner !== (transposeB ? b.shape.at(-1) : b.shape.at(-2)))
    throw new Error(
      `matMul: the inner dimensions must agree, got [${a.shape.join(', ')}]${transposeA ? ' transposed' : ''} and ` +
        `[${b.shape.join(', ')}]${transposeB ? ' transposed' : ''}`,
    );
  const shape = [...broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns];
  if (inner === 0) return g.splat(a.dtype, shape, 0);
  if (a.dtype !== 'float32' || (!transposeA && !transposeB && alpha === 1)) {
    const swap = (v: Value) => {
      const axes = v.shape.map((_, i) => i);
      return g.transpose(v, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
    };
    const product = g.op('MatMul', [transposeA ? swap(a) : a, transposeB ? swap(b) : b], a.dtype, shape);
    return alpha === 1 ? product : binary(g, 'Mul', product, scalar(g, product, alpha));
  }
  return g.op('FusedMatMul', [a, b], 'float32', shape, {
    domain: 'com.microsoft',
    attributes: { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: alpha } },
  });
}

/** What a reduction yields over no elements. */
const EMPTY: Record<string, number> = {
  ReduceSum: 0,
  ReduceMean: NaN,
  ReduceMax: -Infinity,
  ReduceMin: Infinity,
  ReduceProd: 1,
};

/** A reduction over axes, which must be sorted. */
export function reduce(g: Graph, op: string, x: Value, axes: readonly number[], keepDims = false): Value {
  const kept = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  const shape = keepDims ? kept : x.shape.filter((_, i) => !axes.includes(i));
  const count = sizeOf(axes.map((axis) => x.shape[axis]!));
  if (axes.length === 0) return x;
  if (count === 0) return g.splat(x.dtype, shape, EMPTY[op]!);
  if (count === 1) return g.reshape(x, shape);
  const element = Graph.element(x);
  if (element !== undefined && op !== 'ReduceProd')
    return g.splat(x.dtype, shape, op === 'ReduceSum' ? element * count : element);
  const leading = axes.every((axis, i) => axis === i);
  if (op === 'ReduceSum' && leading && x.dtype === 'float32' && sizeOf(shape) > 1) {
    // A column sum as a product with ones runs at the speed of a matrix product: twice that of ReduceSum.
    const rows = g.reshape(x, [count, sizeOf(shape)]);
    return g.reshape(
      g.op('MatMul', [g.dense(g.splat('float32', [1, count], 1)), rows], 'float32', [1, sizeOf(shape)]),
      shape,
    );
  }
  return g.op(op, [x, g.int64(axes)], x.dtype, shape, { attributes: { keepdims: Number(keepDims) } });
}

/** Elements of `x` from `begin`, `size` long, along every axis. */
export function slice(
  g: Graph,
  x: Value,
  begin: readonly number[],
  size: readonly number[],
  strides?: readonly number[],
): Value {
  const axes = x.shape.map((_, i) => i);
  if (!strides && sameShape(size, x.shape)) return x;
  if (x.splat) return g.splat(x.dtype, size, Graph.element(x)!);
  const steps = strides ?? axes.map(() => 1);
  const ends = axes.map((i) => {
    const end = begin[i]! + steps[i]! * size[i]!;
    return steps[i]! < 0 && end < 0 ? -(2 ** 31) : end;
  });
  return g.op('Slice', [x, g.int64(begin), g.int64(ends), g.int64(axes), g.int64(steps)], x.dtype, size);
}

/**
 * Elements of `yes` where the condition holds, else of `no`; all broadcast to the shape.
 * ONNX Runtime has no Where of booleans: they go through int32.
 */
export function where(g: Graph, condition: Value, yes: Value, no: Value, shape: readonly number[]): Value {
  if (yes.dtype === 'bool')
    return g.cast(where(g, condition, g.cast(yes, 'int32'), g.cast(no, 'int32'), shape), 'bool');
  // Splats are written as scalars, so the condition alone must have the shape.
  const mask = g.dense(g.expand(condition, shape));
  return g.op('Where', [mask, yes, no], yes.dtype, shape, { broadcasts: true });
}
