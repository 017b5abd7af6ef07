import type { Graph } from '../graph/graph.ts';
import { binary } from '../graph/math.ts';
import { sizeOf, type Value } from '../graph/types.ts';

/** Up to this many positions are a constant of the graph; more are counted when it runs. */
const SMALL_TABLE = 4096;

/**
 * Indices for a gather, as int64. ONNX counts negative ones from the end; read without their sign they are beyond every
 * range, so that ONNX Runtime, which checks the upper bound, refuses them as well.
 */
export function unsigned(g: Graph, indices: Value): Value {
  return binary(
    g,
    'BitwiseAnd',
    g.cast(g.cast(indices, 'int32'), 'int64'),
    g.splat('int64', [], 2 ** 32 - 1),
  );
}

/** The rows of an axis that indices name; one outside [0, length) makes the run fail. */
export function gatherRows(
  g: Graph,
  x: Value,
  indices: Value,
  axis: number,
  shape: readonly number[],
): Value {
  return g.op('Gather', [x, unsigned(g, indices)], x.dtype, shape, {
    attributes: { axis },
    limit: x.shape[axis]!,
  });
}

/** The indices as they are, int32; one outside [0, limit) makes the run fail. */
export function checked(g: Graph, indices: Value, limit: number): Value {
  if (sizeOf(indices.shape) === 0) return g.cast(indices, 'int32');
  return gatherRows(g, positions(g, limit), indices, 0, indices.shape);
}

/** The indices as they are, int32; a negative one makes the run fail. */
export function checkedNatural(g: Graph, indices: Value): Value {
  const ids = g.cast(indices, 'int32');
  if (sizeOf(ids.shape) === 0) return ids;
  const zero = g.splat('int32', [], 0);
  const negative = binary(g, 'Min', ids, zero);
  // Every index that is not negative reads the one entry, a 0.
  const zeros = g.op('Gather', [g.splat('int32', [1], 0), unsigned(g, negative)], 'int32', ids.shape, {
    attributes: { axis: 0 },
    limit: Infinity,
  });
  return binary(g, 'Add', ids, zeros);
}

/** 0, 1, ... as int32 [count]. */
function positions(g: Graph, count: number): Value {
  if (count <= SMALL_TABLE)
    return g.dense(
      g.constant(
        'int32',
        [count],
        Int32Array.from({ length: count }, (_, i) => i),
      ),
    );
  const [start, end, step] = [0, count, 1].map((element) => g.splat('int32', [], element));
  return g.op('Range', [start, end, step], 'int32', [count], { broadcasts: true });
}
