import type { RandomStream } from '@ferry/engine';

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
}

/** sfc32 seeded by four words of the stream: bootstraps draw tens of millions of numbers. */
function fastWords(random: RandomStream): () => number {
  let [a, b, c, d] = [random.uint32(), random.uint32(), random.uint32(), random.uint32()];
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
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

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
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
  const word = fastWords(random);
  const means = new Float64Array(samples);
  for (let s = 0; s < samples; s++) {
    let sum = 0;
    for (let r = 0; r < rows; r++) sum += difference[Math.floor((word() / 2 ** 32) * rows)]!;
    means[s] = sum / rows;
  }
  means.sort();
  return {
    difference: mean(difference),
    low: quantile(means, (1 - level) / 2),
    high: quantile(means, (1 + level) / 2),
  };
}

/** Linear interpolation between order statistics. */
function quantile(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (at - below);
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
  const word = fastWords(options.random);
  let extreme = 0;
  for (let s = 0; s < samples; s++) {
    let sum = 0;
    let bits = 0;
    for (let i = 0; i < difference.length; i++) {
      bits = i % 32 === 0 ? word() : bits >>> 1;
      sum += bits & 1 ? difference[i]! : -difference[i]!;
    }
    if (Math.abs(sum) >= observed - slack) extreme++;
  }
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
 * Compares two systems on the same rows: difference with interval, wins and losses, and two tests.
 *
 * @param a - Per-row values of one system, such as {@link gains}; [R].
 * @param b - Of the other; [R].
 */
export function comparePaired(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: ResamplingOptions & { level?: number },
): PairedComparison {
  return {
    rows: a.length,
    ...pairedBootstrap(a, b, { ...options, random: options.random.split('bootstrap') }),
    ...countWins(differences('comparePaired', a, b)),
    permutation: pairedPermutation(a, b, { ...options, random: options.random.split('permutation') }),
    sign: signTest(a, b),
  };
}

function checkedSamples(caller: string, samples = 10_000): number {
  if (!Number.isInteger(samples) || samples < 1)
    throw new RangeError(`${caller}: samples must be a positive integer, got ${samples}`);
  return samples;
}
