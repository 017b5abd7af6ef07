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
