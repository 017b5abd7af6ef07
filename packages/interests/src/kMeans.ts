import type { RandomStream } from '@ferry/engine';
import { kmeans as lloyd } from 'ml-kmeans';
import { distancesOf } from './distances.ts';
import { miniBatchCentres } from './miniBatch.ts';
import { groupMeans, requirePositive, selectPoints } from './points.ts';
import type { DistanceMethod, Interests } from './types.ts';

/** Options of {@link kMeans}. */
export interface KMeansOptions {
  /** D: width of a point. */
  width: number;
  /** K: how many interests are wanted; fewer come out when there are fewer distinct points. */
  clusters: number;
  /** Where the starting centres and the order of the batches come from. */
  random: RandomStream;
  /** [T] 1 for points that take part, 0 for points left out. Default: all take part. */
  include?: Uint8Array;
  /**
   * `full`: k-means++ and Lloyd's iterations over all points (ml-kmeans). `miniBatch`: random starting points
   * and batches. `auto`: full up to 4 million multiplications an iteration. Default `auto`.
   */
  algorithm?: 'auto' | 'full' | 'miniBatch';
  /** Most iterations of `full`, most passes over the points of `miniBatch`. Default 100 and 10. */
  iterations?: number;
  /** Points in a batch of `miniBatch`. Default 1,024. */
  batchSize?: number;
  /** Where distances are computed; default `auto`. */
  method?: DistanceMethod;
}

const fullWork = 4e6;

/**
 * K-means clustering of points into interests; the alternative to DPC-KNN that the released MISSRec code
 * uses.
 *
 * Every interest owns at least one point, every point belongs to its nearest centre (equal distances: the
 * smaller number), and the same stream of random numbers gives the same result. The authors' one-pass version
 * with its defects is {@link releasedKMeans}.
 *
 * @param points - [T*D], row after row.
 * @throws RangeError for options out of range, a wrong length, a non-finite value or no point left.
 */
export async function kMeans(points: Float32Array, options: KMeansOptions): Promise<Interests> {
  const { width, random, include, algorithm = 'auto', method } = options;
  requirePositive('kMeans', 'clusters', options.clusters);
  const used = selectPoints('kMeans', points, { width, include, merge: false });
  const distinct = selectPoints('kMeans', used.values, { width, merge: true });
  const total = used.rows.length;
  const clusters = Math.min(options.clusters, distinct.rows.length);
  const full = algorithm === 'full' || (algorithm === 'auto' && total * clusters * width <= fullWork);
  const iterations = options.iterations ?? (full ? 100 : 10);
  requirePositive('kMeans', 'iterations', iterations);

  const start = full
    ? fullCentres(used.values, { width, clusters, iterations, seed: random.uint32() })
    : await miniBatchCentres(used.values, {
        width,
        clusters,
        passes: iterations,
        batchSize: options.batchSize ?? 1024,
        random,
        seeds: distinct.rows,
        method,
      });
  const { centres, index } = await settle(used.values, start, { width, method });
  return {
    count: clusters,
    width,
    centres,
    assignment: used.owner.map((owner) => (owner < 0 ? -1 : index[owner]!)),
  };
}

/** Lloyd's algorithm from k-means++ starting points, by ml-kmeans; [K*D]. */
function fullCentres(
  points: Float32Array,
  options: { width: number; clusters: number; iterations: number; seed: number },
): Float32Array {
  const { width, clusters, iterations, seed } = options;
  const rows = Array.from({ length: points.length / width }, (_, i) =>
    Array.from(points.subarray(i * width, (i + 1) * width)),
  );
  if (clusters === 1)
    return groupMeans(points, { width, count: 1, assignment: new Int32Array(rows.length) }).means;
  // k-means++ cannot draw more centres than there are rows; with as many, each row is its own centre.
  if (clusters === rows.length) return points.slice();
  const { centroids } = lloyd(rows, clusters, { seed, maxIterations: iterations, tolerance: 1e-8 });
  return Float32Array.from(centroids.flat());
}

/**
 * Assigns every point to its nearest centre and gives each centre without points the point farthest from its
 * own centre, until none is empty. Each round lowers the sum of distances, so it ends.
 */
async function settle(
  points: Float32Array,
  start: Float32Array,
  options: { width: number; method: DistanceMethod | undefined },
): Promise<{ centres: Float32Array; index: Int32Array }> {
  const { width, method } = options;
  const centres = start.slice();
  const distances = distancesOf(points, width, method);
  try {
    for (;;) {
      const { index, distance } = await distances.nearest(centres);
      if (!reseedEmpty(points, { width, centres, index, distance })) return { centres, index };
    }
  } finally {
    distances.dispose();
  }
}

/**
 * Moves centres without points onto the points farthest from their centres (equal distances: the smaller
 * number).
 *
 * @returns whether any was moved.
 */
function reseedEmpty(
  points: Float32Array,
  state: { width: number; centres: Float32Array; index: Int32Array; distance: Float64Array },
): boolean {
  const { width, centres, index, distance } = state;
  const sizes = new Int32Array(centres.length / width);
  for (const group of index) sizes[group]!++;
  if (!sizes.includes(0)) return false;
  const far = Int32Array.from(distance.keys()).sort((a, b) => distance[b]! - distance[a]! || a - b);
  let next = 0;
  sizes.forEach((size, group) => {
    const point = far[next];
    if (size > 0 || point === undefined || distance[point]! <= 0) return;
    next++;
    centres.set(points.subarray(point * width, (point + 1) * width), group * width);
  });
  return next > 0;
}
