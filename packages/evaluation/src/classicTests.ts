import { normalTails, studentTails } from './distributions.ts';
import { mean } from './summary.ts';

/**
 * Two-sided paired t-test: whether the mean of some differences is 0, if they are normal or many.
 *
 * @param difference - a - b of each row; [R].
 * @returns the p-value; 1 when the systems never differ, NaN for a single row.
 */
export function tTest(difference: Float64Array): number {
  const n = difference.length;
  if (difference.every((value) => value === 0)) return 1;
  const centre = mean(difference);
  const squares = difference.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return n < 2 ? NaN : studentTails(centre / Math.sqrt(squares / (n - 1) / n), n - 1);
}

/** Standard error of the mean of some differences; NaN for a single row. */
export function standardError(difference: Float64Array): number {
  const n = difference.length;
  const centre = mean(difference);
  const squares = difference.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return n < 2 ? NaN : Math.sqrt(squares / (n - 1) / n);
}

/** Sums of ranks of the positive and of the negative differences, and Σ t^3 - t over ties of t. */
function rankSums(kept: Float64Array): { plus: number; minus: number; ties: number } {
  const order = kept.slice().sort((a, b) => Math.abs(a) - Math.abs(b));
  const sums = { plus: 0, minus: 0, ties: 0 };
  for (let i = 0; i < order.length;) {
    let end = i;
    while (end < order.length && Math.abs(order[end]!) === Math.abs(order[i]!)) end++;
    const tied = end - i;
    sums.ties += tied ** 3 - tied;
    for (const value of order.subarray(i, end)) sums[value > 0 ? 'plus' : 'minus'] += (i + 1 + end) / 2;
    i = end;
  }
  return sums;
}

/** P(W <= w) of the sum of ranks of n differences without ties, each sign with probability 1/2. */
function exactTail(n: number, w: number): number {
  let shares = Float64Array.of(1);
  for (let rank = 1; rank <= n; rank++) {
    const next = new Float64Array(shares.length + rank);
    shares.forEach((share, sum) => {
      next[sum]! += share / 2;
      next[sum + rank]! += share / 2;
    });
    shares = next;
  }
  return shares.subarray(0, Math.floor(w) + 1).reduce((sum, share) => sum + share, 0);
}

/**
 * Two-sided Wilcoxon signed-rank test. Rows without a difference are left out; equal sizes share their ranks. Exact for
 * at most 50 differences without ties, else by the normal approximation corrected for ties, as scipy does by default.
 *
 * @param difference - a - b of each row; [R].
 * @returns the p-value; 1 when the systems never differ.
 */
export function wilcoxon(difference: Float64Array): number {
  const kept = difference.filter((value) => value !== 0);
  const n = kept.length;
  if (n === 0) return 1;
  const { plus, minus, ties } = rankSums(kept);
  const least = Math.min(plus, minus);
  if (n <= 50 && ties === 0) return Math.min(1, 2 * exactTail(n, least));
  const variance = (n * (n + 1) * (2 * n + 1) - ties / 2) / 24;
  return normalTails((least - (n * (n + 1)) / 4) / Math.sqrt(variance));
}
