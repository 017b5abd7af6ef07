import type { SparseEntries } from '@ferry/engine';
import { byItem, type Interactions } from './interactions.ts';

/**
 * The graph of users and items with symmetric normalisation, `D^-½ A D^-½` (He et al. 2020, eq. 8): nodes 0..U-1 are
 * users, U..U+N-1 items; an edge of a user with d and an item with e neighbours weighs 1 / √(d e).
 */
export function normalisedGraph(interactions: Interactions): SparseEntries {
  const { users, items, starts, columns } = interactions;
  const back = byItem(interactions);
  const nodes = users + items;
  const edges = columns.length;
  const all = new Int32Array(nodes + 1);
  all.set(starts);
  for (let item = 0; item <= items; item++) all[users + item] = edges + back.starts[item]!;
  const neighbours = new Int32Array(2 * edges);
  columns.forEach((item, e) => (neighbours[e] = users + item));
  neighbours.set(back.columns, edges);
  const degree = (node: number): number => all[node + 1]! - all[node]!;
  const values = new Float32Array(2 * edges);
  for (let node = 0; node < nodes; node++)
    for (let e = all[node]!; e < all[node + 1]!; e++)
      values[e] = 1 / Math.sqrt(degree(node) * degree(neighbours[e]!));
  return { shape: [nodes, nodes], starts: all, columns: neighbours, values };
}
