import type { Rows } from '@ferry/data';

/** The same rows with histories cut to their latest items: what lies before the last `positions` is not seen. */
export function latestItems(rows: Rows, positions: number): Rows {
  return { ...rows, starts: rows.starts.map((start, r) => Math.max(start, rows.ends[r]! - positions)) };
}

/** Length of the longest history. */
export function longestHistory(rows: Rows): number {
  return rows.starts.reduce((longest, start, r) => Math.max(longest, rows.ends[r]! - start), 1);
}
