/**
 * Ranking metrics of rows with a single relevant item each. A rank is 1 for the best item; a tie can give a
 * rank of .5. A row is within the first k when rank < k + 1: a rank of 10.5, the middle of a tie across the
 * cutoff, is within 10. Letters: R rows.
 */

/** Per-row values and which of them count. */
export type Mask = ArrayLike<number>;

/** Where the mask is 1 (everywhere without one), the mean of `values`; NaN when nothing counts. */
export function maskedMean(values: ArrayLike<number>, mask?: Mask): number {
  if (mask && mask.length !== values.length)
    throw new RangeError(
      `maskedMean: mask must have one entry per value (${values.length}), got ${mask.length}`,
    );
  let sum = 0;
  let counted = 0;
  for (let i = 0; i < values.length; i++) {
    if (mask?.[i] === 0) continue;
    sum += values[i]!;
    counted++;
  }
  return sum / counted;
}

function requireCutoff(caller: string, k: number): void {
  if (!Number.isInteger(k) || k < 1)
    throw new RangeError(`${caller}: k must be a positive integer, got ${k}`);
}

/** 1 where the rank is within k (rank < k + 1, so 10.5 is within 10), else 0; [R]. */
export function hits(ranks: ArrayLike<number>, k: number): Float64Array {
  requireCutoff('hits', k);
  return Float64Array.from(ranks, (rank) => (rank < k + 1 ? 1 : 0));
}

/**
 * 1 / log2(rank + 1) where the rank is within k, else 0: the row's NDCG, its ideal being 1 for a single
 * relevant item; [R].
 */
export function gains(ranks: ArrayLike<number>, k: number): Float64Array {
  requireCutoff('gains', k);
  return Float64Array.from(ranks, (rank) => (rank < k + 1 ? 1 / Math.log2(rank + 1) : 0));
}

/** 1 / rank; [R]. */
export function reciprocalRanks(ranks: ArrayLike<number>): Float64Array {
  return Float64Array.from(ranks, (rank) => 1 / rank);
}

/** Recall@k, which with a single relevant item is also the hit rate HR@k: the share of rows within k. */
export function recallAt(ranks: ArrayLike<number>, k: number, mask?: Mask): number {
  return maskedMean(hits(ranks, k), mask);
}

/** NDCG@k: mean of 1 / log2(rank + 1) over rows, 0 where the rank is not within k. */
export function ndcgAt(ranks: ArrayLike<number>, k: number, mask?: Mask): number {
  return maskedMean(gains(ranks, k), mask);
}

/** Mean reciprocal rank over the whole catalogue, without a cutoff. */
export function mrr(ranks: ArrayLike<number>, mask?: Mask): number {
  return maskedMean(reciprocalRanks(ranks), mask);
}

/**
 * All metrics of a list of ranks.
 *
 * @param ranks - [R].
 * @param k - Cutoffs. Default 10 and 50.
 * @param mask - [R] 1 for rows that count.
 * @returns `recall@k` and `ndcg@k` for each cutoff, and `mrr`.
 */
export function rankingMetrics(
  ranks: ArrayLike<number>,
  k: readonly number[] = [10, 50],
  mask?: Mask,
): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const cutoff of k) {
    metrics[`recall@${cutoff}`] = recallAt(ranks, cutoff, mask);
    metrics[`ndcg@${cutoff}`] = ndcgAt(ranks, cutoff, mask);
  }
  metrics['mrr'] = mrr(ranks, mask);
  return metrics;
}
