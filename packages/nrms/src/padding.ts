/**
 * Shapes that many batches share: a compiled step is traced once per shape, so counts and lengths are rounded up to a
 * few values, and what is added is padding.
 */

/** A count rounded up to one of eight values per doubling: at most an eighth is padding. */
export function roundedCount(count: number): number {
  const step = Math.max(4, 2 ** (Math.floor(Math.log2(Math.max(count, 1))) - 3));
  return Math.ceil(count / step) * step;
}

/**
 * A length rounded up to a multiple of a tenth of the longest, and at most the longest: with few steps a batch seldom
 * has a shape of its own.
 *
 * @returns At least 1.
 */
export function roundedLength(length: number, longest: number): number {
  const step = Math.ceil(longest / 10);
  return Math.min(Math.max(step, Math.ceil(length / step) * step), Math.max(longest, 1));
}

/** Rows in groups of similar length. */
export interface LengthGroup {
  /** The rows, shortest first. */
  readonly rows: Int32Array;
  /** The length they are padded to. */
  readonly length: number;
}

/** Rows below which a group of their own is not worth its operations. */
const SMALLEST = 32;

/**
 * Splits rows into quarters by length, each padded to its longest.
 *
 * @param lengths - Of each row.
 * @param longest - No length is more.
 */
export function lengthGroups(lengths: Int32Array, longest: number): LengthGroup[] {
  const order = Int32Array.from(lengths.keys()).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const parts = Math.max(1, Math.min(4, Math.floor(order.length / SMALLEST)));
  return Array.from({ length: parts }, (_, part) => {
    const rows = order.subarray(
      Math.floor((part * order.length) / parts),
      Math.floor(((part + 1) * order.length) / parts),
    );
    return { rows, length: roundedLength(lengths[rows.at(-1)!]!, longest) };
  });
}
