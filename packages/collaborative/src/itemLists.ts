/** Graphs of items in which every item has as many neighbours, as lists side by side. Letters: N items, k neighbours. */
import { tf } from '@ferry/engine';
import type { FeatureMatrix } from '@ferry/features';
import { nearestByFeatures } from './itemGraph.ts';

/** The nearest of each item, [N * k] each; an item that has fewer is listed as its own, with nothing. */
export interface NeighbourLists {
  readonly ids: Int32Array;
  /** Cosines. */
  readonly values: Float32Array;
  /** 1, and 0 where there is no neighbour. */
  readonly kept: Float32Array;
}

/** The k nearest items of each by the cosine of one modality, itself among them; at most all. */
export function neighbourLists(matrix: FeatureMatrix, neighbours: number): NeighbourLists {
  const { count: N, modality } = matrix;
  const k = Math.min(neighbours, N);
  const near = nearestByFeatures({ [modality]: matrix }, k, { self: true, above: -Infinity });
  const ids = Int32Array.from({ length: N * k }, (_, at) => Math.floor(at / k));
  const [values, kept] = [new Float32Array(N * k), new Float32Array(N * k)];
  for (let item = 0; item < N; item++) {
    const own = near.columns.subarray(near.starts[item], near.starts[item + 1]);
    ids.set(own, item * k);
    values.set(near.values.subarray(near.starts[item], near.starts[item + 1]), item * k);
    kept.fill(1, item * k, item * k + own.length);
  }
  return { ids, values, kept };
}

/**
 * The same with cosines as `D^-½ S D^-½`, D being their sums by row; rows of which the sum is not above 0 have nothing.
 */
export function normalisedLists({ ids, values, kept }: NeighbourLists, N: number): NeighbourLists {
  const k = ids.length / N;
  const roots = Float64Array.from({ length: N }, (_, item) => {
    const sum = values.subarray(item * k, (item + 1) * k).reduce((total, value) => total + value, 0);
    return sum > 0 ? 1 / Math.sqrt(sum) : 0;
  });
  const scaled = values.map((value, at) => value * roots[Math.floor(at / k)]! * roots[ids[at]!]!);
  return { ids, values: scaled, kept };
}

/** `D^-½` of the sums of rows, [N, 1]; 0 where a sum is not above 0. */
export function rootsOf(values: tf.Tensor): tf.Tensor2D {
  const sums = tf.sum(values, 1, true);
  return tf.mul(tf.rsqrt(tf.maximum(sums, 1e-12)), tf.step(sums));
}
