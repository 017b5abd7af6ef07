import type { RandomStream, SparseEntries } from '@ferry/engine';
import { Draws } from './draws.ts';
import { byItem, type Interactions } from './interactions.ts';

/** Who took what, both ways: nodes 0..U-1 are users, U..U+N-1 items. In compressed rows, neighbours ascending. */
function neighboursOfNodes(interactions: Interactions): {
  nodes: number;
  all: Int32Array;
  neighbours: Int32Array;
} {
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
  return { nodes, all, neighbours };
}

/**
 * The graph of users and items with symmetric normalisation, `D^-½ A D^-½` (He et al. 2020, eq. 8): nodes 0..U-1 are
 * users, U..U+N-1 items; an edge of a user with d and an item with e neighbours weighs 1 / √(d e).
 */
export function normalisedGraph(interactions: Interactions): SparseEntries {
  const { nodes, all, neighbours } = neighboursOfNodes(interactions);
  const degree = (node: number): number => all[node + 1]! - all[node]!;
  const values = new Float32Array(neighbours.length);
  for (let node = 0; node < nodes; node++)
    for (let e = all[node]!; e < all[node + 1]!; e++)
      values[e] = 1 / Math.sqrt(degree(node) * degree(neighbours[e]!));
  return { shape: [nodes, nodes], starts: all, columns: neighbours, values };
}

/**
 * The same nodes, each a neighbour of itself as well, which D counts: `D^-1 (A + I) D^-1` (LATTICE as "Formalizing
 * multimedia recommendation" runs it), or the mean of neighbours `D^-1 (A + I)` (NGCF as "Ducho meets Elliot" runs it).
 */
export function loopedGraph(interactions: Interactions, by: 'both' | 'rows'): SparseEntries {
  const { nodes, all, neighbours } = neighboursOfNodes(interactions);
  const starts = all.map((start, node) => start + node);
  const columns = new Int32Array(neighbours.length + nodes);
  for (let node = 0; node < nodes; node++) {
    // Users have neighbours behind themselves, items before.
    const isUser = node < interactions.users;
    columns.set(neighbours.subarray(all[node], all[node + 1]), starts[node]! + Number(isUser));
    columns[isUser ? starts[node]! : starts[node + 1]! - 1] = node;
  }
  const degree = (node: number): number => starts[node + 1]! - starts[node]!;
  const values = new Float32Array(columns.length);
  for (let node = 0; node < nodes; node++)
    for (let e = starts[node]!; e < starts[node + 1]!; e++)
      values[e] = 1 / (degree(node) * (by === 'both' ? degree(columns[e]!) : 1));
  return { shape: [nodes, nodes], starts, columns, values };
}

/**
 * Values of {@link normalisedGraph} for an epoch that keeps some edges: drawn without replacement with probabilities in
 * proportion to `1 / √(d e)`, d and e being the degrees of user and item; those that are kept are normalised by the
 * degrees that they leave, the others are 0 (Zhou and Shen 2023, eq. 7).
 *
 * @param rate - Share of the edges that is left out.
 * @returns [2 E], the graph's entries in their order.
 */
export function keptEdges(interactions: Interactions, rate: number, stream: RandomStream): Float32Array {
  const { users, starts, columns } = interactions;
  const edges = columns.length;
  const items = byItem(interactions);
  const places = new Int32Array(edges);
  const next = items.starts.slice();
  const random = new Draws(stream);
  // The largest of u^(1 / w) are drawn in proportion to w without replacement (Efraimidis and Spirakis 2006); here
  // the smallest of -log(u) / w.
  const keys = new Float64Array(edges);
  for (let user = 0; user < users; user++)
    for (let e = starts[user]!; e < starts[user + 1]!; e++) {
      const item = columns[e]!;
      const degrees = (starts[user + 1]! - starts[user]!) * (items.starts[item + 1]! - items.starts[item]!);
      keys[e] = -Math.log(random.uniform()) * Math.sqrt(degrees);
      places[e] = edges + next[item]!++;
    }
  const kept = Math.floor(edges * (1 - rate));
  const last = kept === 0 ? -1 : keys.slice().sort()[kept - 1]!;
  const left = { users: new Int32Array(users), items: new Int32Array(interactions.items) };
  const each = (what: (e: number, user: number, item: number) => void): void => {
    for (let user = 0; user < users; user++)
      for (let e = starts[user]!; e < starts[user + 1]!; e++)
        if (keys[e]! <= last) what(e, user, columns[e]!);
  };
  each((_, user, item) => {
    left.users[user]!++;
    left.items[item]!++;
  });
  const values = new Float32Array(2 * edges);
  each((e, user, item) => {
    values[e] = values[places[e]!] = 1 / Math.sqrt(left.users[user]! * left.items[item]!);
  });
  return values;
}
