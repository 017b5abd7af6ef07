import { placesOf, type Places, type Ranks, type TieRule } from './places.ts';

/**
 * Ranking metrics of rows with a single relevant item each. An item that ties with t others stands on each of t + 1
 * places with the same probability: by the default rule a row's value is its mean over them. Letters: R rows.
 */

/** Per-row values and which of them count. */
export type Mask = ArrayLike<number>;

/**
 * Where the mask is 1 (everywhere without one), the mean of `values`; NaN when nothing counts. A value that is NaN
 * belongs to a row that has none, such as one without relevant items: it does not count.
 */
export function maskedMean(values: ArrayLike<number>, mask?: Mask): number {
  if (mask && mask.length !== values.length)
    throw new RangeError(
      `maskedMean: mask must have one entry per value (${values.length}), got ${mask.length}`,
    );
  let sum = 0;
  let counted = 0;
  for (let i = 0; i < values.length; i++) {
    if (mask?.[i] === 0 || Number.isNaN(values[i]!)) continue;
    sum += values[i]!;
    counted++;
  }
  return sum / counted;
}

/** Throws unless k is a cutoff. */
function requireCutoff(caller: string, k: number): void {
  if (!Number.isInteger(k) || k < 1)
    throw new RangeError(`${caller}: k must be a positive integer, got ${k}`);
}

/** Expected value of a function of the rank for every row; [R]. `value(rank)` is 0 beyond `last`. */
function expected(
  ranks: Ranks,
  ties: TieRule,
  value: (rank: number) => number,
  last = Infinity,
): Float64Array {
  const { better, tied } = placesOf(ranks);
  if (ties !== 'mid-rank')
    return Float64Array.from(better, (count, r) => {
      const rank = 1 + count + (ties === 'pessimistic' ? tied[r]! : 0);
      return rank <= last ? value(rank) : 0;
    });
  let longest = 0;
  for (let r = 0; r < better.length; r++)
    if (tied[r]! > 0) longest = Math.max(longest, better[r]! + tied[r]! + 1);
  // sums[n]: the values of ranks 1..n added up.
  const sums = new Float64Array(Math.min(longest, last) + 1);
  for (let rank = 1; rank < sums.length; rank++) sums[rank] = sums[rank - 1]! + value(rank);
  return Float64Array.from(better, (count, r) => {
    const width = tied[r]! + 1;
    if (width === 1 || count >= last) return count < last ? value(count + 1) : 0;
    return (sums[Math.min(count + width, last)]! - sums[count]!) / width;
  });
}

/** 1 where the relevant item is among the first k, else 0; a tie across the cutoff counts in part; [R]. */
export function hits(ranks: Ranks, k: number, ties: TieRule = 'mid-rank'): Float64Array {
  requireCutoff('hits', k);
  return expected(ranks, ties, () => 1, k);
}

/**
 * 1 / log2(rank + 1) where the rank is within k, else 0: the row's NDCG, its ideal being 1 for a single
 * relevant item; [R].
 */
export function gains(ranks: Ranks, k: number, ties: TieRule = 'mid-rank'): Float64Array {
  if (k !== Infinity) requireCutoff('gains', k);
  return expected(ranks, ties, (rank) => 1 / Math.log2(rank + 1), k);
}

/** 1 / rank, 0 where the rank is not within k; [R]. */
export function reciprocalRanks(ranks: Ranks, ties: TieRule = 'mid-rank', k = Infinity): Float64Array {
  return expected(ranks, ties, (rank) => 1 / rank, k);
}

/** The share of the other candidates that stand behind the relevant item, a tie counting half: the row's AUC; [R]. */
export function shareBehind(places: Places, ties: TieRule = 'mid-rank'): Float64Array {
  const { candidates, better, tied } = places;
  if (!candidates) throw new RangeError('shareBehind: AUC needs the number of candidates of each row');
  const share = { 'mid-rank': 0.5, pessimistic: 1, optimistic: 0 }[ties];
  return Float64Array.from(better, (count, r) =>
    candidates[r]! > 1 ? 1 - (count + share * tied[r]!) / (candidates[r]! - 1) : NaN,
  );
}

/** Mean reciprocal rank over the whole catalogue, without a cutoff. */
export function mrr(ranks: Ranks, mask?: Mask): number {
  return maskedMean(reciprocalRanks(ranks), mask);
}
