import { quantile } from '@ferry/data';
import type { RandomStream } from '@ferry/engine';
import { standardError, tTest, wilcoxon } from './classicTests.ts';
import { extremeSums, resampledSums } from './resampling.ts';
import { mean } from './summary.ts';

/** Options of the resampling tests. */
export interface ResamplingOptions {
  /** Where the resamples come from. */
  random: RandomStream;
  /** How many resamples. Default 10,000. */
  samples?: number;
}

/** Mean of a - b with a confidence interval. */
export interface Interval {
  /** Mean of a - b over the rows. */
  difference: number;
  /** Lower end. */
  low: number;
  /** Upper end. */
  high: number;
}

/** Everything {@link comparePaired} says of two systems measured on the same rows. */
export interface PairedComparison extends Interval {
  /** Rows. */
  rows: number;
  /** Rows where a is larger. */
  wins: number;
  /** Rows where b is larger. */
  losses: number;
  /** Two-sided p-value of the paired permutation test. */
  permutation: number;
  /** Two-sided p-value of the exact sign test. */
  sign: number;
  /** Two-sided p-value of the paired t-test. */
  t: number;
  /** Two-sided p-value of Wilcoxon's signed-rank test. */
  wilcoxon: number;
  /** Standard error of the difference over rows. */
  error: number;
}

function differences(caller: string, a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  if (a.length !== b.length || a.length === 0)
    throw new RangeError(
      `${caller}: both systems must have the same positive number of rows, got ${a.length} and ${b.length}`,
    );
  const result = Float64Array.from(a, (value, i) => value - b[i]!);
  const bad = result.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new RangeError(`${caller}: values must be finite, got ${result[bad]!} in row ${bad}`);
  return result;
}

/**
 * Percentile bootstrap interval of the mean difference of two systems on the same rows: rows are drawn with
 * replacement, both systems' values together.
 *
 * @param a - Per-row values of one system, such as {@link gains}; [R].
 * @param b - Of the other; [R].
 * @param options - `level` is the confidence, default .95.
 * @throws RangeError for different lengths, no rows, non-finite values or options out of range.
 */
export function pairedBootstrap(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: ResamplingOptions & { level?: number },
): Interval {
  const { random, level = 0.95 } = options;
  const samples = checkedSamples('pairedBootstrap', options.samples);
  if (!(level > 0 && level < 1))
    throw new RangeError(`pairedBootstrap: level must be between 0 and 1, got ${level}`);
  const difference = differences('pairedBootstrap', a, b);
  const rows = difference.length;
  const means = resampledSums(difference, samples, random).map((sum) => sum / rows);
  means.sort();
  return {
    difference: mean(difference),
    low: quantile(means, (1 - level) / 2),
    high: quantile(means, (1 + level) / 2),
  };
}

/**
 * Two-sided paired permutation test (Fisher): under the null hypothesis each row's two values may be swapped,
 * that is each difference may change sign.
 *
 * @returns p = (1 + resamples whose |mean| is at least the observed one) / (1 + resamples); 1 when the
 * systems never differ.
 * @throws RangeError as {@link pairedBootstrap}.
 */
export function pairedPermutation(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: ResamplingOptions,
): number {
  const samples = checkedSamples('pairedPermutation', options.samples);
  const difference = differences('pairedPermutation', a, b).filter((value) => value !== 0);
  if (difference.length === 0) return 1;
  const observed = Math.abs(difference.reduce((sum, value) => sum + value, 0));
  // Sums of the same numbers in another order may differ in the last bits; they count as equal.
  const slack = 1e-12 * difference.reduce((sum, value) => sum + Math.abs(value), 0);
  const extreme = extremeSums(difference, observed - slack, samples, options.random);
  return (1 + extreme) / (1 + samples);
}

/**
 * Exact two-sided sign test: rows where the systems are equal are left out, and wins follow Binomial(n, 1/2)
 * under the null hypothesis.
 *
 * @returns min(1, 2 P(X <= min(wins, losses))); 1 when the systems never differ.
 */
export function signTest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const { wins, losses } = countWins(differences('signTest', a, b));
  const n = wins + losses;
  let logChoose = 0;
  let tail = 0;
  for (let x = 0; x <= Math.min(wins, losses); x++) {
    if (x > 0) logChoose += Math.log((n - x + 1) / x);
    tail += Math.exp(logChoose - n * Math.LN2);
  }
  return Math.min(1, 2 * tail);
}

function countWins(difference: Float64Array): { wins: number; losses: number } {
  let wins = 0;
  let losses = 0;
  for (const value of difference) {
    if (value > 0) wins++;
    else if (value < 0) losses++;
  }
  return { wins, losses };
}

/**
 * Compares two systems on the same rows: difference with interval, wins and losses, and four tests. Rows that have no
 * value in either (NaN), because nothing is relevant to them, are left out.
 *
 * @param a - Per-row values of one system, such as {@link gains}; [R].
 * @param b - Of the other; [R].
 */
export function comparePaired(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: ResamplingOptions & { level?: number },
): PairedComparison {
  const kept = Float64Array.from(a, (value, i) => (Number.isNaN(value) && Number.isNaN(b[i]!) ? 0 : 1));
  if (kept.includes(0)) {
    const only = (values: ArrayLike<number>): Float64Array =>
      Float64Array.from(values).filter((_, i) => kept[i] === 1);
    return comparePaired(only(a), only(b), options);
  }
  const difference = differences('comparePaired', a, b);
  return {
    rows: a.length,
    ...pairedBootstrap(a, b, { ...options, random: options.random.split('bootstrap') }),
    ...countWins(difference),
    permutation: pairedPermutation(a, b, { ...options, random: options.random.split('permutation') }),
    sign: signTest(a, b),
    t: tTest(difference),
    wilcoxon: wilcoxon(difference),
    error: standardError(difference),
  };
}

function checkedSamples(caller: string, samples = 10_000): number {
  if (!Number.isInteger(samples) || samples < 1)
    throw new RangeError(`${caller}: samples must be a positive integer, got ${samples}`);
  return samples;
}
