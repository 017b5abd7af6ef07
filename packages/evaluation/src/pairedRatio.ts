import type { RandomStream } from '@ferry/engine';

/** A mean as a multiple of another one of the same rows, with a confidence interval. */
export interface Ratio {
  /** Mean of a / mean of b - 1: by which share a is above b. */
  ratio: number;
  /** Lower end of the 95 % interval. */
  low: number;
  /** Upper end. */
  high: number;
}

/**
 * By which share the mean of a is above that of b, with the percentile interval of a bootstrap over rows, both values
 * of a row drawn together. Resamples in which b has nothing are left out.
 *
 * @param a - Per-row values; [R].
 * @param b - Of the same rows; [R].
 * @returns undefined where the mean of b is 0: there is nothing to be a multiple of.
 */
export function pairedRatio(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { random, samples = 2000 }: { random: RandomStream; samples?: number },
): Ratio | undefined {
  const rows = a.length;
  if (b.length !== rows)
    throw new RangeError(`pairedRatio: both must have the same rows, got ${rows} and ${b.length}`);
  let [top, bottom] = [0, 0];
  for (let r = 0; r < rows; r++) {
    top += a[r]!;
    bottom += b[r]!;
  }
  if (!(bottom > 0)) return undefined;
  const ratios: number[] = [];
  for (let s = 0; s < samples; s++) {
    let [x, y] = [0, 0];
    for (let r = 0; r < rows; r++) {
      const at = Math.floor(random.uniform() * rows);
      x += a[at]!;
      y += b[at]!;
    }
    if (y > 0) ratios.push(x / y - 1);
  }
  ratios.sort((one, other) => one - other);
  const at = (share: number): number => ratios[Math.round(share * (ratios.length - 1))]!;
  return { ratio: top / bottom - 1, low: at(0.025), high: at(0.975) };
}
