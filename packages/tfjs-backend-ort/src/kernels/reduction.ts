import { binary, reduce, slice } from '../graph/math.ts';
import type { Graph } from '../graph/graph.ts';
import { sizeOf, type Value } from '../graph/types.ts';
import { defineKernel } from './define.ts';
import { extreme, extremeAt, largest } from './nan.ts';

interface ReduceAttributes {
  axis?: number | number[] | null;
  /** What tfjs calls the axes of Max. */
  reductionIndices?: number | number[] | null;
  keepDims?: boolean;
}

/** Axes as sorted non-negative numbers; none means all. */
export function axesOf(x: Value, axis: number | readonly number[] | null | undefined): number[] {
  const rank = x.shape.length;
  if (axis == null) return x.shape.map((_, i) => i);
  const axes = (Array.isArray(axis) ? (axis as number[]) : [axis as number]).map((a) =>
    a < 0 ? a + rank : a,
  );
  return [...new Set(axes)].sort((a, b) => a - b);
}

for (const [name, op] of [
  ['Max', 'ReduceMax'],
  ['Min', 'ReduceMin'],
] as const)
  defineKernel<ReduceAttributes & { withoutNaN?: boolean }>(
    name,
    (g, { x }, { axis, reductionIndices, keepDims = false, withoutNaN = false }) => {
      const axes = axesOf(x!, axis ?? reductionIndices);
      return withoutNaN ? reduce(g, op, x!, axes, keepDims) : extreme(g, op, x!, axes, keepDims);
    },
  );
defineKernel<ReduceAttributes>('Prod', (g, { x }, { axis, keepDims = false }) =>
  reduce(g, 'ReduceProd', x!, axesOf(x!, axis), keepDims),
);
defineKernel<ReduceAttributes>('Sum', (g, { x }, { axis, keepDims = false }) =>
  reduce(g, 'ReduceSum', x!.dtype === 'bool' ? g.cast(x!, 'int32') : x!, axesOf(x!, axis), keepDims),
);
defineKernel<ReduceAttributes>('Mean', (g, { x }, { axis, keepDims = false }) =>
  reduce(g, 'ReduceMean', g.cast(x!, 'float32'), axesOf(x!, axis), keepDims),
);
for (const [name, op] of Object.entries({ Any: 'ReduceMax', All: 'ReduceMin' }))
  defineKernel<ReduceAttributes>(name, (g, { x }, { axis, keepDims = false }) => {
    const axes = axesOf(x!, axis);
    const count = sizeOf(axes.map((a) => x!.shape[a]!));
    const reduced = reduce(g, op, g.cast(x!, 'int32'), axes, keepDims);
    return count === 0 ? g.splat('bool', reduced.shape, name === 'All' ? 1 : 0) : g.cast(reduced, 'bool');
  });

for (const name of ['ArgMax', 'ArgMin'] as const)
  defineKernel<{ axis: number }>(name, (g, { x }, { axis }) =>
    extremeAt(g, name, x!.dtype === 'bool' ? g.cast(x!, 'int32') : x!, axesOf(x!, axis)[0]!),
  );

interface CumulativeAttributes {
  axis: number;
  exclusive: boolean;
  reverse: boolean;
}
defineKernel<CumulativeAttributes>('Cumsum', (g, { x }, { axis, exclusive, reverse }) => {
  const [along] = axesOf(x!, axis);
  const value = x!.dtype === 'bool' ? g.cast(x!, 'int32') : x!;
  return g.op('CumSum', [g.dense(value), g.splat('int64', [], along!)], value.dtype, value.shape, {
    attributes: { exclusive: Number(exclusive), reverse: Number(reverse) },
    broadcasts: true,
  });
});

// Products over ever longer spans: after round r each entry holds the product of the last 2^r ones.
defineKernel<CumulativeAttributes>('Cumprod', (g, { x }, { axis, exclusive, reverse }) => {
  const [along] = axesOf(x!, axis);
  const value = x!.dtype === 'bool' ? g.cast(x!, 'int32') : x!;
  if (along === undefined || sizeOf(value.shape) === 0) return value;
  const length = value.shape[along]!;
  const shifted = (source: Value, by: number): Value => {
    const ones = g.splat(
      value.dtype,
      source.shape.map((dim, i) => (i === along ? by : dim)),
      1,
    );
    const kept = source.shape.map((dim, i) => (i === along ? length - by : dim));
    if (length === by) return ones;
    const begin = source.shape.map((_, i) => (i === along && reverse ? by : 0));
    const rest = slice(g, source, begin, kept);
    return g.op('Concat', reverse ? [rest, ones] : [ones, rest], value.dtype, source.shape, {
      attributes: { axis: along },
    });
  };
  let product = exclusive ? shifted(value, 1) : value;
  for (let span = 1; span < length; span *= 2) product = binary(g, 'Mul', product, shifted(product, span));
  return product;
});

interface SoftmaxAttributes {
  dim?: number;
  axis?: number;
}
defineKernel<SoftmaxAttributes>('Softmax', (g, { logits }, { dim = -1 }) =>
  softmax(g, 'Softmax', logits!, dim),
);
defineKernel<SoftmaxAttributes>('LogSoftmax', (g, { logits }, { axis = -1 }) =>
  softmax(g, 'LogSoftmax', logits!, axis),
);

function softmax(g: Graph, op: string, x: Value, axis: number): Value {
  const value = g.cast(x, 'float32');
  return g.op(op, [value], 'float32', value.shape, { attributes: { axis: axesOf(value, axis)[0]! } });
}

interface TopKAttributes {
  k: number;
  sorted: boolean;
}
defineKernel<TopKAttributes>('TopK', (g, { x }, { k, sorted }) => largest(g, x!, k, sorted));
