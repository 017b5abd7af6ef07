import { tf } from '../tfjs.js';
import { hostIsNear } from './hostIsNear.ts';

/**
 * How many scores of each row are greater than the row's own number, how many equal and how many less; what is not a
 * number is neither. The counts of a full ranking: one look at the scores on `ort` (execution provider cpu), nine
 * elsewhere.
 *
 * @param scores - [B, C]; C below 2^24, up to which float32 counts.
 * @param own - [B, 1]
 * @param from - int32 []: columns before it are not counted. Default: all are.
 * @returns float32 [3, B]
 */
export function rowCounts(scores: tf.Tensor2D, own: tf.Tensor2D, from?: tf.Scalar): tf.Tensor2D {
  const [B, C] = scores.shape;
  if (scores.rank !== 2 || own.rank !== 2 || own.shape[0] !== B || own.shape[1] !== 1)
    throw new Error(
      `rowCounts: scores must be [B, C] and own [B, 1], got [${(scores as tf.Tensor).shape.join(', ')}] and ` +
        `[${(own as tf.Tensor).shape.join(', ')}]`,
    );
  if (hostIsNear() && scores.size > 0) {
    const inputs = { scores, own, from: from ?? tf.scalar(0, 'int32') };
    return tf.engine().runKernel<tf.Tensor2D>('RowCounts', inputs);
  }
  const counted = from && tf.cast(tf.greaterEqual(tf.range(0, C, 1, 'int32'), from), 'float32');
  const count = (found: tf.Tensor): tf.Tensor => {
    const ones = tf.cast(found, 'float32');
    return tf.sum(counted ? tf.mul(ones, counted) : ones, 1);
  };
  return tf.stack([
    count(tf.greater(scores, own)),
    count(tf.equal(scores, own)),
    count(tf.less(scores, own)),
  ]) as tf.Tensor2D;
}
