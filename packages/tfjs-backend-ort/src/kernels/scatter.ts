import { tf } from '../tfjs.js';
import { binary, slice, unary, where } from '../graph/math.ts';
import type { Graph } from '../graph/graph.ts';
import { sizeOf, type Value } from '../graph/types.ts';
import { defineKernel } from './define.ts';
import { checked, checkedNatural } from './indices.ts';

/**
 * Up to this many elements are added inside the graph, in a quarter of a millisecond: a host kernel cuts the session,
 * and what both halves need must then outlive the first. The sums are the same bits in both places.
 */
const SMALL_SCATTER = 2 ** 14;

/**
 * Adds row i of `rows` to row ids[i] of a result of zeros, in order; ids outside [0, count) are dropped.
 * Many float32 rows take a host kernel: ONNX Runtime's ScatterND adds in parallel and loses sums where ids repeat, and
 * its ScatterElements is exact but ten times slower and needs the ids once for each column. On a GPU all of them do: there
 * sums are atomic, in the order in which they come.
 *
 * @param rows - [n, ...]
 * @param ids - [n] int32
 * @returns [count, ...]
 */
export function segmentSum(g: Graph, rows: Value, ids: Value, count: number): Value {
  const rest = rows.shape.slice(1);
  const shape = [count, ...rest];
  const width = sizeOf(rest);
  const n = ids.shape[0]!;
  if (n === 0 || sizeOf(shape) === 0) return g.splat(rows.dtype, shape, 0);
  if (rows.dtype === 'float32' && (n * width > SMALL_SCATTER || !g.target.sumsInOrder))
    return g.op('SegmentSum', [rows, ids], 'float32', shape, {
      domain: 'host',
      attributes: { count, width },
    });
  const zeros = g.dense(g.splat(rows.dtype, [count, width], 0));
  const inside = isInside(g, ids, count);
  // Dropped rows become zeros that are added to row 0.
  const at = where(g, inside, ids, g.splat('int32', [], 0), ids.shape);
  const zero = g.splat(rows.dtype, [], 0);
  const kept = where(g, g.reshape(inside, [n, 1]), g.reshape(rows, [n, width]), zero, [n, width]);
  const sum = g.op('ScatterElements', [zeros, columns(g, at, width), kept], rows.dtype, [count, width], {
    attributes: { axis: 0, reduction: 'add' },
  });
  return g.reshape(sum, shape);
}

/** Whether each id is in [0, count). */
function isInside(g: Graph, ids: Value, count: number): Value {
  const below = binary(g, 'Less', ids, g.splat('int32', [], count), 'bool');
  const negative = binary(g, 'Less', ids, g.splat('int32', [], 0), 'bool');
  return binary(g, 'And', below, unary(g, 'Not', negative), 'bool');
}

/** A vector [n] repeated in every column: [n, width]. */
function columns(g: Graph, vector: Value, width: number): Value {
  const n = vector.shape[0]!;
  return g.dense(g.expand(g.reshape(vector, [n, 1]), [n, width]));
}

/** Row numbers of index tuples [n, rank] into the leading axes of a shape: int32 [n]; a tuple outside fails the run. */
function rowIds(g: Graph, indices: Value, rank: number, shape: readonly number[]): Value {
  const n = sizeOf(indices.shape) / Math.max(1, rank);
  const tuples = g.reshape(g.cast(indices, 'int32'), [n, rank]);
  const columns = Array.from({ length: rank }, (_, i) => {
    const column = rank === 1 ? tuples : slice(g, tuples, [0, i], [n, 1]);
    const stride = g.splat('int32', [], sizeOf(shape.slice(i + 1, rank)));
    return binary(g, 'Mul', checked(g, g.reshape(column, [n]), shape[i]!), stride);
  });
  return columns.reduce((sum, column) => binary(g, 'Add', sum, column), g.splat('int32', [n], 0));
}

interface Scatter {
  /** Rows of the result, and elements of one. */
  count: number;
  width: number;
  ids: Value;
  /** [n, width] */
  updates: Value;
}

/** The rows that index tuples name, in a result of the given shape. */
function scatterOf(g: Graph, indices: Value, updates: Value, shape: readonly number[]): Scatter {
  const info = { shape: [...updates.shape] } as tf.TensorInfo;
  const { sliceRank, numUpdates, sliceSize } = tf.backend_util.calculateShapes(
    info,
    { shape: [...indices.shape] } as tf.TensorInfo,
    [...shape],
  );
  const width = sliceSize;
  const ids = rowIds(g, indices, sliceRank, shape);
  const rows =
    updates.shape.length === 0
      ? g.expand(g.reshape(updates, [1, 1]), [numUpdates, width])
      : g.reshape(updates, [numUpdates, width]);
  return { count: sizeOf(shape) / Math.max(1, width), width, ids, updates: rows };
}

/** Writes rows into a tensor; of rows with the same index the last stays. */
function overwrite(g: Graph, target: Value, indices: Value, updates: Value): Value {
  if (sizeOf(target.shape) === 0 || sizeOf(indices.shape) === 0) return target;
  const { count, width, ids, updates: rows } = scatterOf(g, indices, updates, target.shape);
  const table = g.dense(g.reshape(target, [count, width]));
  const all = g.op('ScatterElements', [table, columns(g, ids, width), rows], target.dtype, table.shape, {
    attributes: { axis: 0 },
  });
  return g.reshape(all, target.shape);
}

// `of`: the operation whose ids these are; ids outside are then an error of it. By themselves they are dropped, as in
// tfjs.
defineKernel<{ numSegments: number; of?: string }>(
  'UnsortedSegmentSum',
  (g, { x, segmentIds }, { numSegments, of: origin }) => {
    if (origin !== undefined) g.origin = origin;
    const ids = origin === undefined ? g.cast(segmentIds!, 'int32') : checked(g, segmentIds!, numSegments);
    return segmentSum(g, x!.dtype === 'bool' ? g.cast(x!, 'int32') : x!, ids, numSegments);
  },
);

defineKernel<{ shape: number[] }>('ScatterNd', (g, { indices, updates }, { shape }) => {
  if (sizeOf(shape) === 0 || sizeOf(indices!.shape) === 0) return g.splat(updates!.dtype, shape, 0);
  const { count, ids, updates: rows } = scatterOf(g, indices!, updates!, shape);
  const summed = g.cast(rows, updates!.dtype === 'bool' ? 'int32' : updates!.dtype);
  return g.cast(g.reshape(segmentSum(g, summed, ids, count), shape), updates!.dtype);
});

defineKernel('TensorScatterUpdate', (g, { tensor, indices, updates }) =>
  overwrite(g, tensor!, indices!, updates!),
);

defineKernel<{ outputShape: number[] }>(
  'SparseToDense',
  (g, { sparseIndices, sparseValues, defaultValue }, { outputShape }) => {
    const target = g.expand(g.cast(defaultValue!, sparseValues!.dtype), outputShape);
    return overwrite(g, target, sparseIndices!, sparseValues!);
  },
);

interface BincountAttributes {
  size: number;
  binaryOutput?: boolean;
}
for (const name of ['Bincount', 'DenseBincount'])
  defineKernel<BincountAttributes>(name, (g, { x, weights }, { size, binaryOutput = false }) => {
    const dtype = weights!.dtype;
    const sums = dtype === 'bool' ? 'int32' : dtype;
    const batch = x!.shape.length === 2 ? x!.shape[0]! : 1;
    const n = sizeOf(x!.shape);
    const shape = x!.shape.length === 2 ? [batch, size] : [size];
    if (n === 0) return g.splat(dtype, shape, 0);
    const values = g.reshape(checkedNatural(g, x!), [batch, n / batch]);
    const base = g.constant(
      'int32',
      [batch, 1],
      Int32Array.from({ length: batch }, (_, row) => row * size),
    );
    const flat = where(
      g,
      isInside(g, values, size),
      binary(g, 'Add', values, base),
      g.splat('int32', [], -1),
      values.shape,
    );
    const counted = sizeOf(weights!.shape) === 0 || (binaryOutput && x!.shape.length === 2);
    const rows = counted ? g.splat(sums, [n, 1], 1) : g.reshape(g.cast(weights!, sums), [n, 1]);
    const total = segmentSum(g, rows, g.reshape(flat, [n]), batch * size);
    const result = g.reshape(total, shape);
    if (binaryOutput && x!.shape.length === 2) return g.cast(g.cast(result, 'bool'), dtype);
    return g.cast(result, dtype);
  });
