import { tf } from '@ferry/engine';
import { readsPadding } from './defects.ts';
import type { NewsOptions, TextGroups } from './contract.ts';
import { historyOf } from './mind/rows.ts';
import type { Impressions } from './mind/types.ts';
import { lengthGroups, roundedCount, roundedLength } from './padding.ts';
import { lengthOf, paddedTokens, type TokenTable } from './words/tokens.ts';

/**
 * The clicks of an impression that a model reads, oldest first: the newest H of its history, or, as a defect, the
 * oldest.
 *
 * @param options - `whole`: all of them, whatever H is.
 */
export function clicksOf(
  impressions: Impressions,
  impression: number,
  { history, defects }: NewsOptions,
  { whole = false }: { whole?: boolean } = {},
): Int32Array {
  if (whole) return historyOf(impressions, impression);
  if (!defects.includes('oldest-history')) return historyOf(impressions, impression, history);
  return historyOf(impressions, impression).subarray(0, history);
}

/** Histories side by side. */
export interface PaddedClicks {
  /** H */
  readonly length: number;
  /** Numbers of news, 0 behind the last; [B * H]. */
  readonly news: Int32Array;
}

/** Histories side by side, padded to a length that other batches share; histories above H make the batch longer. */
export function padClicks(clicks: readonly Int32Array[], { history: H, defects }: NewsOptions): PaddedClicks {
  const least = readsPadding(defects) ? H : 0;
  const most = clicks.reduce((length, own) => Math.max(length, own.length), least);
  const length = most > H ? roundedCount(most) : roundedLength(most, H);
  const news = new Int32Array(clicks.length * length);
  clicks.forEach((own, b) => {
    news.set(own, b * length);
  });
  return { length, news };
}

/** The distinct news of a batch. */
export interface DistinctNews {
  /** Their numbers, the empty news first, padded with it; [n]. */
  readonly numbers: Int32Array;
  /** Where each news that was asked for is among them, list by list. */
  readonly places: readonly Int32Array[];
}

/**
 * Finds the distinct news of some lists, so that each is encoded once.
 *
 * @param place - Room for the place of every news, [N + 1], zeros; zeros again afterwards.
 */
export function distinctNews(lists: readonly Int32Array[], place: Int32Array): DistinctNews {
  const found: number[] = [0];
  const places = lists.map((list) =>
    list.map((news) => {
      if (news === 0) return 0;
      if (place[news] === 0) place[news] = found.push(news) - 1;
      return place[news]!;
    }),
  );
  for (const news of found) place[news] = 0;
  const numbers = new Int32Array(roundedCount(found.length));
  numbers.set(found);
  return { numbers, places };
}

/** Texts of some news as tensors, in groups of similar length. */
export function textGroups(
  table: TokenTable,
  numbers: Int32Array,
  { defects }: Pick<NewsOptions, 'defects'>,
): TextGroups {
  const lengths = readsPadding(defects)
    ? new Int32Array(numbers.length).fill(table.longest)
    : numbers.map((number) => lengthOf(table, number));
  const places = new Int32Array(numbers.length);
  let at = 0;
  const groups = lengthGroups(lengths, table.longest).map(({ rows, length }) => {
    for (const row of rows) places[row] = at++;
    const own = Int32Array.from(rows, (row) => numbers[row]!);
    return tf.tensor2d(paddedTokens(table, own, length), [rows.length, length], 'int32');
  });
  return { groups, places: tf.tensor1d(places, 'int32') };
}
