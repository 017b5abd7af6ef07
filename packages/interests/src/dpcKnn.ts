import { distancesOf } from './distances.ts';
import { groupMeans, requirePositive, selectPoints } from './points.ts';
import type { DistanceMethod, Interests } from './types.ts';

/** Options of {@link dpcKnn}. */
export interface DpcKnnOptions {
  /** D: width of a point. */
  width: number;
  /** K: how many interests are wanted; fewer come out when there are fewer points that may be centres. */
  clusters: number;
  /** k: points that make up a point's neighbourhood, itself among them; at most all of them are used. */
  neighbours: number;
  /**
   * [T] 1 for points that take part, 0 for points left out (items that lack the modality). Default: all take
   * part.
   */
  include?: Uint8Array;
  /**
   * `merge` clusters equal points as one (the mean still counts each); `keep` clusters them one by one.
   * Default `keep`.
   */
  duplicates?: 'keep' | 'merge';
  /**
   * `index`: of equally dense points the one of smaller number counts as denser, so that copies do not all
   * pass for peaks. `strict`: the released function to the letter, see {@link dpcKnn}. Default `index`.
   */
  ties?: 'index' | 'strict';
  /** Where distances are computed; default `auto`. */
  method?: DistanceMethod;
}

/** What {@link dpcKnn} finds: the interests and the decision graph they were read from. */
export interface DensityPeaks extends Interests {
  /**
   * Numbers of the points that are centres, best score first; [K]. Interest c grew around point `peaks[c]`.
   */
  peaks: Int32Array;
  /** Local density rho of every point, NaN for points left out; [T]. */
  density: Float64Array;
  /** Distance delta / sqrt(D) to the nearest denser point, NaN for points left out; [T]. */
  separation: Float64Array;
}

/** What selecting centres needs to know of the P points used. */
interface Decision {
  score: Float64Array;
  density: Float64Array;
  separation: Float64Array;
}

/** Points by falling density: ascending mean distance, equal ones by number. */
function byDensity(mean: Float64Array): Int32Array {
  return Int32Array.from(mean.keys()).sort((a, b) => mean[a]! - mean[b]! || a - b);
}

/**
 * A point's place in the order of density. Under `index` all places differ; under `strict` equal densities
 * share one.
 */
function densityOrder(key: Float64Array, ties: 'index' | 'strict'): Float32Array {
  const order = new Float32Array(key.length);
  let place = 0;
  byDensity(key).forEach((point, position, sorted) => {
    if (position > 0 && (ties === 'index' || key[point] !== key[sorted[position - 1]!])) place++;
    order[point] = place;
  });
  return order;
}

/**
 * Density-peak clustering with k nearest neighbours (DPC-KNN), the interest discovery of MISSRec.
 *
 * With d(i,j) = |x_i - x_j| / sqrt(D):
 * 1. density rho_i = exp(-mean of d(i,j)^2 over the k points j nearest to i, i itself among them);
 * 2. separation delta_i = min of d(i,j) over the denser j; the densest point gets the largest distance of
 *    all;
 * 3. the centres are the K points of largest rho * delta, in that order;
 * 4. every point goes to its nearest centre, a centre to itself; an interest's vector is the mean of its
 *    points.
 *
 * Memory: blocks of rows against all points, so O(block * T) + O(T * D) numbers; the T x T matrix is never
 * stored for more than 4,096 points. Time: one pass of products for step 1, in which each point's 32 nearest are kept,
 * so that step 2 makes products anew only for points that none of those is denser than; and O(T) a row to select. The
 * result is a function of the arguments alone: nothing is drawn at random, equal scores go to the smaller number.
 *
 * Against the authors' code (`cluster_dpc_knn`): there, points of equal density do not see each other, so all
 * copies of a point (every missing image, say) get the largest separation and take up centres. Here the copy
 * of the smallest number is the peak, the others are at distance 0 of it and never become centres; scores are
 * compared as logarithms, which orders them alike and does not underflow. `ties: 'strict'` restores the
 * released function: strict comparison of single-precision densities, single-precision products, and
 * centroids divided by (size + 1e-4). The paper gives the densest point its own largest distance rather than
 * the largest of all: it is first in step 3 either way.
 *
 * @param points - [T*D], row after row.
 * @returns interests numbered by falling score. `count` is below `clusters` when fewer points may be centres.
 * @throws RangeError for options out of range, a wrong length, a non-finite value or no point left.
 *
 * @example
 * ```ts
 * const interests = await dpcKnn(tokens, { width: 300, clusters: 64, neighbours: 317, include: present });
 * ```
 */
export async function dpcKnn(points: Float32Array, options: DpcKnnOptions): Promise<DensityPeaks> {
  const { width, clusters, neighbours, include, duplicates = 'keep', ties = 'index', method } = options;
  requirePositive('dpcKnn', 'clusters', clusters);
  requirePositive('dpcKnn', 'neighbours', neighbours);
  const used = selectPoints('dpcKnn', points, { width, include, merge: duplicates === 'merge' });
  const distances = distancesOf(used.values, width, method);
  try {
    const { mean, farthest } = await distances.density(Math.min(neighbours, used.rows.length));
    const key = mean.map((value) => value / width);
    if (ties === 'strict') key.forEach((value, i) => (key[i] = -Math.fround(Math.exp(-Math.fround(value)))));
    const nearestDenser = await distances.separation(densityOrder(key, ties));
    const decision = decide(key, nearestDenser, { farthest, width, ties });
    const peaks = pickPeaks(decision, clusters, ties);

    const centres = new Float32Array(peaks.length * width);
    peaks.forEach((peak, c) => {
      centres.set(used.values.subarray(peak * width, (peak + 1) * width), c * width);
    });
    const { index } = await distances.nearest(centres);
    peaks.forEach((peak, c) => (index[peak] = c));

    const assignment = used.owner.map((owner) => (owner < 0 ? -1 : index[owner]!));
    const epsilon = ties === 'strict' ? 1e-4 : 0;
    const spread = (values: Float64Array): Float64Array =>
      Float64Array.from(used.owner, (owner) => (owner < 0 ? NaN : values[owner]!));
    return {
      count: peaks.length,
      width,
      centres: groupMeans(points, { width, count: peaks.length, assignment, epsilon }).means,
      assignment,
      peaks: peaks.map((peak) => used.rows[peak]!),
      density: spread(decision.density),
      separation: spread(decision.separation),
    };
  } finally {
    distances.dispose();
  }
}

/** Steps 2 and 3: densities, separations and scores from the passes' squared distances. */
function decide(
  key: Float64Array,
  nearestDenser: Float64Array,
  options: { farthest: number; width: number; ties: 'index' | 'strict' },
): Decision {
  const { farthest, width, ties } = options;
  const separation = nearestDenser.map((squared) =>
    Math.sqrt((squared === Infinity ? farthest : squared) / width),
  );
  if (ties === 'strict') {
    const density = key.map((value) => -value);
    const score = density.map((rho, i) => Math.fround(rho * Math.fround(separation[i]!)));
    return { score, density, separation };
  }
  return {
    score: key.map((value, i) => Math.log(separation[i]!) - value),
    density: key.map((value) => Math.exp(-value)),
    separation,
  };
}

/**
 * The K best scores, equal ones by number. Under `index` a point at distance 0 of a denser one is never a
 * centre.
 */
function pickPeaks(decision: Decision, clusters: number, ties: 'index' | 'strict'): Int32Array {
  const { score, separation } = decision;
  const order = Int32Array.from(score.keys()).sort((a, b) =>
    score[a] === score[b] ? a - b : score[b]! - score[a]!,
  );
  if (ties === 'strict') return order.slice(0, clusters);
  const peaks = order.filter((point) => separation[point]! > 0);
  // Only where all points are equal is even the densest one at distance 0 of everything: it is the one centre.
  return (peaks.length > 0 ? peaks : order.slice(0, 1)).slice(0, clusters);
}
