/**
 * The three passes of pairwise distances that clustering needs, each in blocks of rows, so that memory grows
 * with block * T and never with T * T. All distances are squared Euclidean and not divided by the width.
 */
export interface Distances {
  /**
   * First pass.
   *
   * @param k - Neighbours, the point itself among them.
   * @returns the mean of each point's k smallest squared distances [T], and the largest squared distance of
   * all.
   */
  density(k: number): Promise<{ mean: Float64Array; farthest: number }>;
  /**
   * Second pass: the smallest squared distance to a point whose `order` is smaller, Infinity where there is
   * none; [T].
   *
   * @param order - [T], small for dense points; equal orders do not see each other.
   */
  separation(order: Float32Array): Promise<Float64Array>;
  /**
   * The nearest of K centres for every point; equal distances go to the smaller number.
   *
   * @param centres - [K*D].
   * @returns its number [T] and its squared distance [T].
   */
  nearest(centres: Float32Array): Promise<{ index: Int32Array; distance: Float64Array }>;
  /** Frees tensors. */
  dispose(): void;
}

/**
 * Subtracts the mean point: distances stay the same, and norms, which set the rounding error of
 * |a|^2 + |b|^2 - 2ab, become as small as a common shift can make them.
 */
export function centred(points: Float32Array, width: number): { mean: Float64Array; values: Float32Array } {
  const mean = new Float64Array(width);
  for (let i = 0; i < points.length; i += width) for (let d = 0; d < width; d++) mean[d]! += points[i + d]!;
  for (let d = 0; d < width; d++) mean[d]! /= points.length / width;
  return { mean, values: shifted(points, mean) };
}

/** `points` minus `mean`, row by row. */
export function shifted(points: Float32Array, mean: Float64Array): Float32Array {
  const width = mean.length;
  const values = new Float32Array(points.length);
  for (let i = 0; i < points.length; i += width)
    for (let d = 0; d < width; d++) values[i + d] = points[i + d]! - mean[d]!;
  return values;
}
