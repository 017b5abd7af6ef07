import type { Sequences } from '@ferry/data';

/**
 * Which users took which items: what user-item models are trained on. Letters: U users, N items, E interactions. Items
 * are rows here, numbered from 0 (an item's number in the data is its row + 1).
 */
export interface Interactions {
  /** U */
  readonly users: number;
  /** N */
  readonly items: number;
  /** User u's items are `columns[starts[u]..starts[u + 1])`. Int32 [U + 1]. */
  readonly starts: Int32Array;
  /** Rows of items, ascending within a user, each once. Int32 [E]. */
  readonly columns: Int32Array;
}

/**
 * The interactions of sequences: each user's items once, whatever their order.
 *
 * @param sequences - Item numbers from 1, as a domain's `training` holds them.
 * @param items - N.
 */
export function interactionsOf(
  { items: numbers, starts, ends }: Pick<Sequences, 'items' | 'starts' | 'ends'>,
  items: number,
): Interactions {
  const own = Array.from(starts, (start, user) =>
    Int32Array.from(new Set(numbers.subarray(start, ends[user])), (number) => number - 1).sort(),
  );
  const offsets = new Int32Array(own.length + 1);
  own.forEach((row, user) => (offsets[user + 1] = offsets[user]! + row.length));
  const columns = new Int32Array(offsets.at(-1)!);
  own.forEach((row, user) => {
    columns.set(row, offsets[user]);
  });
  return { users: own.length, items, starts: offsets, columns };
}

/** A user's items, ascending. */
export function itemsOf({ starts, columns }: Interactions, user: number): Int32Array {
  return columns.subarray(starts[user], starts[user + 1]);
}

/** The same as a domain holds them: item numbers from 1. */
export function sequencesOf({ users, starts, columns }: Interactions): Sequences {
  return { items: columns.map((row) => row + 1), starts: starts.slice(0, users), ends: starts.slice(1) };
}

/** The same by item: users of each, ascending. */
export function byItem({ users, items, starts, columns }: Interactions): Interactions {
  const offsets = new Int32Array(items + 1);
  for (const item of columns) offsets[item + 1]!++;
  for (let i = 0; i < items; i++) offsets[i + 1]! += offsets[i]!;
  const next = offsets.slice();
  const rows = new Int32Array(columns.length);
  for (let user = 0; user < users; user++)
    for (let e = starts[user]!; e < starts[user + 1]!; e++) rows[next[columns[e]!]!++] = user;
  return { users: items, items: users, starts: offsets, columns: rows };
}

/** Whether a list holds a number between two places, where it is ascending. */
export function holds(sorted: Int32Array, value: number, from: number, to: number): boolean {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low < to && sorted[low] === value;
}

/** The n-th number from 0 on (n from 0) that an ascending list does not hold. */
export function missingNumber(sorted: Int32Array, n: number): number {
  // Before place p there are sorted[p] - p missing numbers.
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! - middle <= n) low = middle + 1;
    else high = middle;
  }
  return n + low;
}
