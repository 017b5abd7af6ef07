import type { RandomStream } from '@ferry/engine';
import { distancesOf } from './distances.ts';
import { requirePositive } from './points.ts';
import type { DistanceMethod } from './types.ts';

/** Options of {@link miniBatchCentres}. */
interface MiniBatchOptions {
  width: number;
  clusters: number;
  /** Most passes over all points. */
  passes: number;
  batchSize: number;
  random: RandomStream;
  /** Rows that may be starting centres: no two of them equal. */
  seeds: Int32Array;
  method: DistanceMethod | undefined;
}

/**
 * Mini-batch k-means (Sculley 2010): each batch is assigned to the centres as they stand, then each centre
 * becomes the running mean of the points it has received. Centres that no point chose during a pass start
 * again at the points that were farthest from theirs. Ends when a pass moves the centres by less than a
 * millionth of the points' variance.
 *
 * @returns centres [K*D].
 */
export async function miniBatchCentres(
  points: Float32Array,
  options: MiniBatchOptions,
): Promise<Float32Array> {
  const { width, clusters, passes, batchSize, random, seeds, method } = options;
  requirePositive('kMeans', 'batchSize', batchSize);
  const total = points.length / width;
  const centres = Float64Array.from(
    gather(points, random.shuffle(Int32Array.from(seeds)).subarray(0, clusters), width),
  );
  const received = new Float64Array(clusters);
  const order = Int32Array.from({ length: total }, (_, i) => i);
  const scale = variance(points, width);

  for (let pass = 0; pass < passes; pass++) {
    const before = centres.slice();
    const chosen = new Int32Array(clusters);
    const farness = new Float64Array(total);
    random.shuffle(order);
    for (let from = 0; from < total; from += batchSize) {
      const rows = order.subarray(from, Math.min(total, from + batchSize));
      const distances = distancesOf(gather(points, rows, width), width, method);
      const { index, distance } = await distances.nearest(Float32Array.from(centres));
      distances.dispose();
      rows.forEach((row, i) => {
        const centre = index[i]!;
        farness[row] = distance[i]!;
        chosen[centre]!++;
        // One point at a time, the running mean c += (x - c) / n; the assignment above saw the batch's first centres.
        const rate = 1 / ++received[centre]!;
        for (let d = 0; d < width; d++) {
          const at = centre * width + d;
          centres[at]! += (points[row * width + d]! - centres[at]!) * rate;
        }
      });
    }
    const moved = restartUnused(points, { width, centres, chosen, received, farness });
    let shift = 0;
    for (let i = 0; i < centres.length; i++) shift += (centres[i]! - before[i]!) ** 2;
    if (!moved && shift <= 1e-6 * scale * clusters) break;
  }
  return Float32Array.from(centres);
}

/**
 * Puts centres that received no point in a pass onto the pass's farthest points; their count starts again.
 */
function restartUnused(
  points: Float32Array,
  state: {
    width: number;
    centres: Float64Array;
    chosen: Int32Array;
    received: Float64Array;
    farness: Float64Array;
  },
): boolean {
  const { width, centres, chosen, received, farness } = state;
  if (!chosen.includes(0)) return false;
  const far = Int32Array.from(farness.keys()).sort((a, b) => farness[b]! - farness[a]! || a - b);
  let next = 0;
  chosen.forEach((count, centre) => {
    const row = far[next];
    if (count > 0 || row === undefined || farness[row]! <= 0) return;
    next++;
    received[centre] = 1;
    for (let d = 0; d < width; d++) centres[centre * width + d] = points[row * width + d]!;
  });
  return next > 0;
}

function gather(points: Float32Array, rows: Int32Array, width: number): Float32Array {
  const values = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    values.set(points.subarray(row * width, (row + 1) * width), i * width);
  });
  return values;
}

/** Mean squared distance of the points to their mean. */
function variance(points: Float32Array, width: number): number {
  const total = points.length / width;
  const sum = new Float64Array(width);
  let squares = 0;
  points.forEach((value, i) => {
    sum[i % width]! += value;
    squares += value * value;
  });
  return Math.max(0, (squares - sum.reduce((acc, s) => acc + (s * s) / total, 0)) / total);
}
