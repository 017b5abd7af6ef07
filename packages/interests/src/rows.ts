/** Squared distances up to this share of |a|^2 + |b|^2 are rounding error of single precision, and count as 0. */
export const tolerance = 2e-6;

const singleTolerance = Math.fround(tolerance);

/**
 * Squared distances of one point to T others, from its products with them: |a|^2 + |b|^2 - 2ab in single precision,
 * operation by operation as a graph of tensors computes it.
 *
 * @param squares - [T] filled.
 * @param products - [T] -2ab.
 * @param norm - |a|^2.
 * @param norms - [T] |b|^2.
 * @returns The largest of them.
 */
export function fillSquaredDistances(
  squares: Float32Array,
  products: Float32Array,
  norm: number,
  norms: Float32Array,
): number {
  const own = Math.fround(norm);
  let largest = 0;
  for (let j = 0; j < squares.length; j++) {
    const sum = Math.fround(own + norms[j]!);
    const square = Math.fround(products[j]! + sum);
    const exact = square > Math.fround(sum * singleTolerance) ? square : 0;
    squares[j] = exact;
    if (exact > largest) largest = exact;
  }
  return largest;
}
