import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/types.ts';

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
