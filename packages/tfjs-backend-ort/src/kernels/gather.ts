import { binary, reduce, where } from '../graph/math.ts';
import { sizeOf, type DType } from '../graph/types.ts';
import { defineKernel } from './define.ts';
import { checked, gatherRows, unsigned } from './indices.ts';

interface GatherAttributes {
  axis: number;
  batchDims: number;
  /** The operation that gathers, for errors. */
  of?: string;
}
defineKernel<GatherAttributes>('GatherV2', (g, { x, indices }, { axis, batchDims, of: origin }) => {
  if (origin !== undefined) g.origin = origin;
  const at = axis < 0 ? axis + x!.shape.length : axis;
  const batch = batchDims < 0 ? batchDims + indices!.shape.length : batchDims;
  const shape = [...x!.shape.slice(0, at), ...indices!.shape.slice(batch), ...x!.shape.slice(at + 1)];
  if (batch === 0) return gatherRows(g, x!, indices!, at, shape);
  // Each batch entry has indices of its own: one flat gather over rows.
  const outer = sizeOf(x!.shape.slice(0, batch));
  const middle = sizeOf(x!.shape.slice(batch, at));
  const length = x!.shape[at]!;
  const inner = x!.shape.slice(at + 1);
  const count = sizeOf(indices!.shape.slice(batch));
  const rows = g.reshape(x!, [outer * middle * length, ...inner]);
  const base = g.constant(
    'int32',
    [outer, middle, 1],
    Int32Array.from({ length: outer * middle }, (_, i) => i * length),
  );
  const flat = binary(g, 'Add', g.reshape(checked(g, indices!, length), [outer, 1, count]), base);
  const picked = g.op('Gather', [rows, flat], x!.dtype, [outer, middle, count, ...inner], {
    attributes: { axis: 0 },
  });
  return g.reshape(picked, shape);
});

defineKernel<{ dtype: DType; depth: number; onValue: number; offValue: number }>(
  'OneHot',
  (g, { indices }, a) => {
    const shape = [...indices!.shape, a.depth];
    const ids = g.reshape(g.cast(indices!, 'int32'), [...indices!.shape, 1]);
    const classes = g.constant(
      'int32',
      [a.depth],
      Int32Array.from({ length: a.depth }, (_, i) => i),
    );
    const hit = binary(g, 'Equal', ids, classes, 'bool');
    return where(g, hit, g.splat(a.dtype, [], a.onValue), g.splat(a.dtype, [], a.offValue), shape);
  },
);

defineKernel('GatherNd', (g, { params, indices }) => {
  const depth = indices!.shape.at(-1)!;
  const shape = [...indices!.shape.slice(0, -1), ...params!.shape.slice(depth)];
  // Tuples of no indices name the whole tensor.
  if (depth === 0) return g.expand(params!, shape);
  const limit = depth === 1 ? params!.shape[0] : undefined;
  return g.op('GatherND', [params!, unsigned(g, indices!)], params!.dtype, shape, { limit });
});

// tfjs searches; here the smaller elements are counted, which no order of a few thousand bounds makes slow.
defineKernel<{ side: 'left' | 'right' }>('SearchSorted', (g, { sortedSequence, values }, { side }) => {
  const [rows, length] = sortedSequence!.shape as [number, number];
  const count = values!.shape[1]!;
  const op = side === 'left' ? 'Less' : 'LessOrEqual';
  const below = binary(
    g,
    op,
    g.reshape(sortedSequence!, [rows, 1, length]),
    g.reshape(values!, [rows, count, 1]),
    'bool',
  );
  return reduce(g, 'ReduceSum', g.cast(below, 'int32'), [2]);
});
