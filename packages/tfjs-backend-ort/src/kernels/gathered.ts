import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/types.ts';
import { defineKernel } from './define.ts';

/** A host kernel of two float arrays and ids [rows, perRow] into a table [count, width]. */
function gathered(
  g: Graph,
  op: 'GatheredProducts' | 'GatheredSums' | 'ScatteredSums',
  [a, b, ids]: readonly [Value, Value, Value],
  { count, width, shape }: { count: number; width: number; shape: readonly number[] },
): Value {
  const [rows, perRow] = ids.shape;
  return g.op(op, [a, b, ids], 'float32', shape, {
    domain: 'host',
    attributes: { rows: rows!, perRow: perRow!, width, count },
  });
}

// Of `gatheredProducts` and its gradients (src/ops).
defineKernel('GatheredProducts', (g, { queries, table, ids }) => {
  const [count, width] = table!.shape as [number, number];
  return gathered(g, 'GatheredProducts', [queries!, table!, ids!], { count, width, shape: ids!.shape });
});
defineKernel('GatheredSums', (g, { weights, table, ids }) => {
  const [count, width] = table!.shape as [number, number];
  const shape = [ids!.shape[0]!, width];
  return gathered(g, 'GatheredSums', [weights!, table!, ids!], { count, width, shape });
});
defineKernel<{ count: number }>('ScatteredSums', (g, { weights, rows, ids }, { count }) => {
  const width = rows!.shape[1]!;
  return gathered(g, 'ScatteredSums', [weights!, rows!, ids!], { count, width, shape: [count, width] });
});
