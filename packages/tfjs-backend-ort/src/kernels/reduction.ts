import { binary, reduce, unary } from '../graph/math.ts';
import type { Graph } from '../graph/graph.ts';
import { sizeOf, type Value } from '../graph/types.ts';
import { defineKernel } from './define.ts';

interface ReduceAttributes {
  axis?: number | number[] | null;
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

for (const [name, op] of Object.entries({ Max: 'ReduceMax', Min: 'ReduceMin', Prod: 'ReduceProd' }))
  defineKernel<ReduceAttributes>(name, (g, { x }, { axis, keepDims = false }) =>
    reduce(g, op, x!, axesOf(x!, axis), keepDims),
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

for (const [name, op] of Object.entries({ ArgMax: 'ArgMax', ArgMin: 'ArgMin' }))
  defineKernel<{ axis: number }>(name, (g, { x }, { axis }) => {
    const [along] = axesOf(x!, axis);
    const shape = x!.shape.filter((_, i) => i !== along);
    const value = x!.dtype === 'bool' ? g.cast(x!, 'int32') : x!;
    const found = g.op(op, [value], 'int64', shape, { attributes: { axis: along!, keepdims: 0 } });
    return g.cast(found, 'int32');
  });

interface CumulativeAttributes {
  axis: number;
  exclusive: boolean;
  reverse: boolean;
}
defineKernel<CumulativeAttributes>('Cumsum', (g, { x }, { axis, exclusive, reverse }) => {
  const [along] = axesOf(x!, axis);
  const value = x!.dtype === 'bool' ? g.cast(x!, 'int32') : x!;
  return g.op('CumSum', [value, g.splat('int64', [], along!)], value.dtype, value.shape, {
    attributes: { exclusive: Number(exclusive), reverse: Number(reverse) },
    broadcasts: true,
  });
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
defineKernel<TopKAttributes>('TopK', (g, { x }, { k, sorted }) => {
  const shape = [...x!.shape.slice(0, -1), k];
  const [values, indices] = g.many(
    'TopK',
    [x!, g.int64([k])],
    [
      { dtype: x!.dtype, shape },
      { dtype: 'int64', shape },
    ],
    { attributes: { axis: x!.shape.length - 1, sorted: Number(sorted) } },
  );
  return [values!, g.cast(indices!, 'int32')];
});
defineKernel<{ numSegments: number }>('UnsortedSegmentSum', (g, { x, segmentIds }, { numSegments }) => {
  const shape = [numSegments, ...x!.shape.slice(1)];
  const width = sizeOf(x!.shape.slice(1));
  const count = segmentIds!.shape[0]!;
  if (count === 0 || width === 0) return g.splat(x!.dtype, shape, 0);
  if (x!.dtype === 'float32')
    return g.op('SegmentSum', [x!, segmentIds!], 'float32', shape, {
      domain: 'host',
      attributes: { count: numSegments, width },
    });
  const rows = g.reshape(x!, [count, width]);
  const ids = g.expand(g.reshape(segmentIds!, [count, 1]), [count, width]);
  const zeros = g.dense(g.splat(x!.dtype, [numSegments, width], 0));
  // Ids outside the range are dropped: their rows become zeros that are added to row 0.
  const inside = binary(
    g,
    'And',
    binary(g, 'Less', ids, g.splat('int32', [], numSegments), 'bool'),
    unary(g, 'Not', binary(g, 'Less', ids, g.splat('int32', [], 0), 'bool')),
    'bool',
  );
  const at = g.op('Where', [inside, ids, g.splat('int32', [], 0)], 'int32', ids.shape, { broadcasts: true });
  const added = g.op('Where', [inside, rows, g.splat(x!.dtype, [], 0)], x!.dtype, rows.shape, {
    broadcasts: true,
  });
  const sum = g.op('ScatterElements', [zeros, at, added], x!.dtype, zeros.shape, {
    attributes: { axis: 0, reduction: 'add' },
  });
  return g.reshape(sum, shape);
});
