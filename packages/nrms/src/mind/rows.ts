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

/** Numbers of the news that some impressions show or their users clicked, in order. */
export function newsIn(
  { count }: { readonly count: number },
  { history, candidates }: Impressions,
): Int32Array {
  const known = new Uint8Array(count + 1);
  for (const news of history) known[news] = 1;
  for (const news of candidates.values) known[news] = 1;
  return Int32Array.from(known.keys()).filter((news) => news > 0 && known[news] === 1);
}
