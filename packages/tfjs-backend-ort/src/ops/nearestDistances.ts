import { tf } from '../tfjs.js';
import { hostIsNear } from './hostIsNear.ts';

/** What {@link nearestDistances} is asked for. */
export interface NearestOptions {
  /** How many of the smallest are added up, 1..C. */
  k: number;
  /** How many of the smallest are told one by one, 1..k. */
  kept: number;
  /** Squared distances up to this share of |a|^2 + |b|^2 are rounding error, and count as 0. */
  tolerance: number;
}

/**
 * The smallest squared distances |a|^2 + |b|^2 - 2ab of each of R points to C others, and where they are: density by
 * k nearest neighbours. One look at the products on `ort` (execution provider cpu), where sums are made in double
 * precision; `topk` and sums in single precision elsewhere.
 *
 * @param products - [R, C] -2ab
 * @param norms - [R, 1] |a|^2
 * @param columnNorms - [1, C] |b|^2; C below 2^24, up to which float32 counts.
 * @returns float32 [R, 3 + 2 kept], of each row: the sum of the k smallest, what that lacks to double precision, the
 *   largest, the `kept` smallest in ascending order (equal ones by column), their columns.
 */
export function nearestDistances(
  products: tf.Tensor2D,
  norms: tf.Tensor2D,
  columnNorms: tf.Tensor2D,
  { k, kept, tolerance }: NearestOptions,
): tf.Tensor2D {
  const [R, C] = products.shape;
  if (
    norms.shape[0] !== R ||
    norms.shape[1] !== 1 ||
    columnNorms.shape[0] !== 1 ||
    columnNorms.shape[1] !== C
  )
    throw new Error(
      `nearestDistances: products must be [R, C], norms [R, 1] and columnNorms [1, C], got ` +
        [products, norms, columnNorms].map(({ shape }) => `[${shape.join(', ')}]`).join(', '),
    );
  if (!(kept >= 1 && kept <= k && k <= C))
    throw new RangeError(`nearestDistances: kept must be in [1, k] and k at most C, got ${kept}, ${k}, ${C}`);
  if (hostIsNear()) {
    const attributes = { k, kept, tolerance };
    const inputs = { products, norms, columnNorms };
    const [nearest, scratch] = tf.engine().runKernel<tf.Tensor[]>('NearestDistances', inputs, attributes) as [
      tf.Tensor2D,
      tf.Tensor,
    ];
    scratch.dispose();
    return nearest;
  }
  return tf.tidy(() => {
    const sums = tf.add(norms, columnNorms);
    const squares = tf.add(products, sums);
    const exact = tf.greater(squares, tf.mul(sums, tolerance));
    const distances = tf.where<tf.Tensor>(exact, squares, tf.scalar(0)) as tf.Tensor2D;
    const { values, indices } = tf.topk(tf.neg(distances), k, true);
    const smallest = tf.neg(values);
    return tf.concat(
      [
        tf.sum(smallest, 1, true),
        tf.zeros([R, 1]),
        tf.max(distances, 1, true),
        tf.slice(smallest, [0, 0], [R, kept]),
        tf.cast(tf.slice(indices, [0, 0], [R, kept]), 'float32'),
      ] as tf.Tensor2D[],
      1,
    );
  });
}
