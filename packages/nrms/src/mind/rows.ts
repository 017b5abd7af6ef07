import type { Impressions, NumberLists } from './types.ts';

/** The numbers of a row, a view. */
export function rowOf({ offsets, values }: NumberLists, row: number): Int32Array {
  return values.subarray(offsets[row], offsets[row + 1]);
}

/**
 * The history of an impression, oldest first, a view.
 *
 * @param most - Only the newest so many, as the paper has it; by default all.
 */
export function historyOf(
  { history, historyStarts, historyEnds }: Impressions,
  impression: number,
  most = Infinity,
): Int32Array {
  const end = historyEnds[impression]!;
  return history.subarray(Math.max(historyStarts[impression]!, end - most), end);
}
