import { historyOf, rowOf } from './rows.ts';
import { candidateRanks } from './metrics.ts';
import type { Impressions, News } from './types.ts';

/** What the first candidates say about categories, by impression; NaN where there is nothing to say. Float64 [R] each. */
export interface CategoryAspects {
  /**
   * Entropy of the categories among the first k, over the logarithm of the number of categories: 0 one alone, 1 all
   * alike.
   */
  readonly diversity: Float64Array;
  /**
   * How far the categories of the first k are from those of the history: Steck's divergence KL(history || 0.99 first +
   * 0.01 history), in nats; 0 is calibrated. NaN without a history.
   */
  readonly miscalibration: Float64Array;
  /**
   * Overlap of the two distributions, the sum of their minima over the sum of their maxima: 1 the same, 0 nothing in
   * common.
   */
  readonly overlap: Float64Array;
}

/**
 * How much of the history is mixed into the list, so that the divergence is finite (H. Steck, Calibrated
 * recommendations, RecSys 2018).
 */
const smoothing = 0.01;

/** Shares of categories among some news; undefined if none of them has one. */
function shares(news: ArrayLike<number>, categories: Int32Array, count: number): Float64Array | undefined {
  const found = new Float64Array(count);
  let total = 0;
  for (let at = 0; at < news.length; at++) {
    const own = categories[news[at]!]!;
    if (own === 0) continue;
    found[own]!++;
    total++;
  }
  return total === 0 ? undefined : found.map((share) => share / total);
}

/**
 * Diversity and calibration by category of the first k candidates of each impression. News without a category are
 * passed over.
 *
 * @param scores - Of all candidates, as in `evaluateImpressions`; ties as in `candidateRanks`.
 */
export function categoryAspects(
  impressions: Impressions,
  scores: ArrayLike<number>,
  { categories, categoryNames }: News,
  k: number,
): CategoryAspects {
  const nan = (): Float64Array => new Float64Array(impressions.count).fill(NaN);
  const aspects = { diversity: nan(), miscalibration: nan(), overlap: nan() };
  const most = Math.log(categoryNames.length - 1);
  const { offsets } = impressions.candidates;
  for (let row = 0; row < impressions.count; row++) {
    const shown = rowOf(impressions.candidates, row);
    const ranks = candidateRanks(Array.prototype.slice.call(scores, offsets[row], offsets[row + 1]));
    const list = shares(
      shown.filter((_, place) => ranks[place]! <= k),
      categories,
      categoryNames.length,
    );
    if (!list) continue;
    let entropy = 0;
    for (const share of list) if (share > 0) entropy -= share * Math.log(share);
    aspects.diversity[row] = most > 0 ? entropy / most : 0;
    const history = shares(historyOf(impressions, row), categories, categoryNames.length);
    if (!history) continue;
    let [divergence, less, more] = [0, 0, 0];
    for (let category = 1; category < list.length; category++) {
      const [p, q] = [history[category]!, list[category]!];
      if (p > 0) divergence += p * Math.log(p / ((1 - smoothing) * q + smoothing * p));
      less += Math.min(p, q);
      more += Math.max(p, q);
    }
    aspects.miscalibration[row] = divergence;
    aspects.overlap[row] = less / more;
  }
  return aspects;
}
