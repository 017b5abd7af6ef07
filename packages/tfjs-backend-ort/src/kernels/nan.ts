import { binary, reduce, unary, where } from '../graph/math.ts';
import type { Graph } from '../graph/graph.ts';
import { sizeOf, type Value } from '../graph/types.ts';

/*
 * ONNX Runtime's maxima (ReduceMax, ArgMax, TopK, MaxPool and their like) skip a NaN unless it comes first. Here NaN is the
 * largest of all numbers and the smallest, as in NumPy and PyTorch: what is taken over a NaN is NaN.
 */

/** Elements up to which the careful way is taken at once. */
const SMALL = 4096;

/**
 * What is computed of x, by the careful way only if there is a NaN in it: a sum tells, which costs one more look at x.
 */
export function unlessNaN(g: Graph, x: Value, plain: () => Value[], careful: () => Value[]): Value[] {
  const size = sizeOf(x.shape);
  if (x.dtype !== 'float32' || size === 0) return plain();
  if (size <= SMALL) return careful();
  const rows = reduce(g, 'ReduceSum', x, [x.shape.length - 1]);
  const sum = reduce(
    g,
    'ReduceSum',
    rows,
    rows.shape.map((_, axis) => axis),
  );
  // Infinities of both signs make NaN of the sum as well; the careful way then finds no NaN and is only slower.
  return g.choose(unary(g, 'IsNaN', sum, 'bool'), careful, plain);
}

/** The maximum or minimum over axes, NaN where there is one. */
export function extreme(
  g: Graph,
  op: 'ReduceMax' | 'ReduceMin',
  x: Value,
  axes: readonly number[],
  keepDims: boolean,
): Value {
  const plain = () => [reduce(g, op, x, axes, keepDims)];
  const careful = () => {
    const [found] = plain() as [Value];
    // The sum of the magnitudes is NaN if and only if one of them is.
    const sum = reduce(g, 'ReduceL1', x, axes, keepDims);
    return [where(g, unary(g, 'IsNaN', sum, 'bool'), sum, found, found.shape)];
  };
  const taken = sizeOf(axes.map((axis) => x.shape[axis]!));
  return (x.splat || taken <= 1 ? plain() : unlessNaN(g, x, plain, careful))[0]!;
}

/** Position of the first largest or smallest element along an axis, int32; of the first NaN where there is one. */
export function extremeAt(g: Graph, op: 'ArgMax' | 'ArgMin', x: Value, axis: number): Value {
  const shape = x.shape.filter((_, i) => i !== axis);
  const at = (name: string, value: Value) =>
    g.cast(g.op(name, [value], 'int64', shape, { attributes: { axis, keepdims: 0 } }), 'int32');
  const careful = () => {
    const isNaN = g.cast(unary(g, 'IsNaN', x, 'bool'), 'int32');
    const some = g.cast(reduce(g, 'ReduceMax', isNaN, [axis]), 'bool');
    return [where(g, some, at('ArgMax', isNaN), at(op, x), shape)];
  };
  return unlessNaN(g, x, () => [at(op, x)], careful)[0]!;
}

/** The k largest elements of each row and their positions, int32; NaN counts as the largest. */
export function largest(g: Graph, x: Value, k: number, sorted: boolean): Value[] {
  if (x.dtype === 'bool') {
    const [values, indices] = largest(g, g.cast(x, 'int32'), k, sorted) as [Value, Value];
    return [g.cast(values, 'bool'), indices];
  }
  const shape = [...x.shape.slice(0, -1), k];
  const axis = x.shape.length - 1;
  const topK = (keys: Value) =>
    g.many(
      'TopK',
      [keys, g.int64([k])],
      [
        { dtype: x.dtype, shape },
        { dtype: 'int64', shape },
      ],
      { attributes: { axis, sorted: Number(sorted) } },
    );
  const plain = () => {
    const [values, indices] = topK(x) as [Value, Value];
    return [values, g.cast(indices, 'int32')];
  };
  const careful = () => {
    // Infinity itself makes room for NaN at the top.
    const finite = binary(g, 'Min', x, g.splat('float32', [], 3.4028234663852886e38));
    const keys = where(g, unary(g, 'IsNaN', x, 'bool'), g.splat('float32', [], Infinity), finite, x.shape);
    const [, indices] = topK(keys) as [Value, Value];
    const values = g.op('GatherElements', [x, indices], 'float32', shape, { attributes: { axis } });
    return [values, g.cast(indices, 'int32')];
  };
  return unlessNaN(g, x, plain, careful);
}
