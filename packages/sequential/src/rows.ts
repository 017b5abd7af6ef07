import type { Rows } from '@ferry/data';

/** The same rows with histories cut to their latest items: what lies before the last `positions` is not seen. */
export function latestItems(rows: Rows, positions: number): Rows {
  return { ...rows, starts: rows.starts.map((start, r) => Math.max(start, rows.ends[r]! - positions)) };
}

/** Lengths of the histories. */
export function historyLengths(rows: Rows): Int32Array {
  return rows.starts.map((start, r) => rows.ends[r]! - start);
}

/** Length of the longest history. */
export function longestHistory(rows: Rows): number {
  return historyLengths(rows).reduce((a, b) => Math.max(a, b), 1);
}

/**
 * The longest row of each user alone: with its target, the user's whole training sequence.
 *
 * @param rows - Prefixes; a user's have one start.
 */
export function wholeSequences(rows: Rows): Rows {
  const longest = new Map<number, number>();
  rows.users.forEach((user, r) => {
    const known = longest.get(user);
    if (known === undefined || rows.ends[r]! > rows.ends[known]!) longest.set(user, r);
  });
  const picked = Int32Array.from(longest.values());
  const pick = (values: Int32Array): Int32Array => picked.map((r) => values[r]!);
  return {
    users: pick(rows.users),
    targets: pick(rows.targets),
    items: rows.items,
    starts: pick(rows.starts),
    ends: pick(rows.ends),
  };
}
