import type { RandomStream } from '@ferry/engine';
import { distancesOf } from './distances.ts';
import { requirePositive, selectPoints } from './points.ts';
import type { DistanceMethod, Interests } from './types.ts';

/** Options of {@link releasedKMeans}. */
export interface ReleasedKMeansOptions {
  /** D: width of a point. */
  width: number;
  /** K: interests; the first batch must hold at least as many points. */
  clusters: number;
  /** Draws the K starting points out of the first batch. */
  random: RandomStream;
  /**
   * Points in a batch. Default 2,048; becomes floor(1.1 K) when that is not above K, as in the authors' code.
   */
  batchSize?: number;
  /**
   * Whether each distance computation leaves the absolute values of points and centres behind, as the
   * authors' in-place square and square root do. Default true. False shows what the same algorithm would do
   * without the defect.
   */
  absolute?: boolean;
  /** Where distances are computed; default `auto`. */
  method?: DistanceMethod;
}

/**
 * Batches [from, to) of the authors' loop: the rest joins a batch when no more than K points would remain.
 */
export function releasedBatches(
  total: number,
  clusters: number,
  batchSize = 2048,
): { from: number; to: number }[] {
  const size = batchSize <= clusters ? Math.floor(clusters * 1.1) : batchSize;
  const batches = [];
  for (let from = 0; from < total; from += size) {
    const merged = total - from - size <= clusters;
    batches.push({ from, to: merged ? total : from + size });
    if (merged) break;
  }
  return batches;
}

/**
 * The mini-batch k-means that the released MISSRec trainer runs in place of DPC-KNN, defects included, for
 * the `released` preset.
 *
 * One pass, because its convergence test compares the centres with themselves. K rows of the first batch
 * start as centres. Per batch: every point chooses its nearest centre; then c := c (1 - 1/n) + m / n with m
 * the mean of the points that chose c (0 where none did) and n the number of points c had received before,
 * plus 1; so a centre that nobody ever chooses becomes the zero vector. With `absolute` m is the mean of |x|
 * and c is |c|, and the final assignment compares signed points with these non-negative centres: on MISSRec's
 * own data nearly every point then chooses the first zero vector, and all interests are one.
 *
 * @param points - [T*D], row after row, all used (the authors leave no point out).
 * @throws RangeError when the first batch holds fewer than K points, and for options out of range.
 */
export async function releasedKMeans(
  points: Float32Array,
  options: ReleasedKMeansOptions,
): Promise<Interests> {
  const { width, clusters, random, batchSize = 2048, absolute = true, method } = options;
  requirePositive('releasedKMeans', 'clusters', clusters);
  requirePositive('releasedKMeans', 'batchSize', batchSize);
  const total = selectPoints('releasedKMeans', points, { width, merge: false }).rows.length;
  const batches = releasedBatches(total, clusters, batchSize);
  const first = batches[0]!;
  if (first.to < clusters)
    throw new RangeError(
      `releasedKMeans: the first batch must hold at least clusters (${clusters}) points, got ${first.to}`,
    );

  const start = new Float32Array(clusters * width);
  random
    .shuffle(Int32Array.from({ length: first.to }, (_, i) => i))
    .subarray(0, clusters)
    .forEach((row, c) => {
      start.set(points.subarray(row * width, (row + 1) * width), c * width);
    });
  return onePass(points, { width, start, batches, absolute, method });
}

/**
 * The pass of {@link releasedKMeans} from given starting centres.
 *
 * @param points - [T*D].
 * @param options - `start` holds the starting centres [K*D].
 */
export async function onePass(
  points: Float32Array,
  options: {
    width: number;
    start: Float32Array;
    batches: readonly { from: number; to: number }[];
    absolute: boolean;
    method?: DistanceMethod;
  },
): Promise<Interests> {
  const { width, start, batches, absolute, method } = options;
  const clusters = start.length / width;
  let centres = start;
  const received = new Float64Array(clusters).fill(1);
  const magnitude = (value: number): number => (absolute ? Math.abs(value) : value);

  const nearest = async (from: number, to: number): Promise<Int32Array> => {
    const distances = distancesOf(points.subarray(from * width, to * width), width, method);
    const { index } = await distances.nearest(centres);
    distances.dispose();
    return index;
  };

  for (const { from, to } of batches) {
    const index = await nearest(from, to);
    const sums = new Float64Array(clusters * width);
    const sizes = new Int32Array(clusters);
    index.forEach((centre, i) => {
      sizes[centre]!++;
      for (let d = 0; d < width; d++) sums[centre * width + d]! += magnitude(points[(from + i) * width + d]!);
    });
    centres = centres.map((value, at) => {
      const centre = Math.floor(at / width);
      const rate = 1 / received[centre]!;
      return magnitude(value) * (1 - rate) + (sums[at]! / Math.max(1, sizes[centre]!)) * rate;
    });
    sizes.forEach((size, centre) => (received[centre]! += size));
  }
  return { count: clusters, width, centres, assignment: await nearest(0, points.length / width) };
}
