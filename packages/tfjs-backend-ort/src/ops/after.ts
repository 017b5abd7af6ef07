import { tf } from '../tfjs.js';
import { OrtBackend } from '../backend.ts';

/**
 * The same tensor, but not before another is there. A compiled graph has no order but that of its data, and computes
 * equal things once and early: what reads this is neither what was computed before, nor computed before it is needed.
 *
 * @param x - Any tensor.
 * @param other - What must come first, of rank 1 or more, such as an {@link orderToken}; none: x itself.
 */
export function after<T extends tf.Tensor>(x: T, other: tf.Tensor | undefined): T {
  if (!other) return x;
  const backend = tf.backend();
  if (backend instanceof OrtBackend && backend.trace) return tf.engine().runKernel<T>('After', { x, other });
  return tf.clone(x);
}

/** [1]: a number that depends on all of some tensors. */
export function orderToken(tensors: readonly tf.Tensor[]): tf.Tensor1D {
  const firsts = tensors.map((x) => tf.slice(tf.reshape<tf.Rank.R1>(tf.cast(x, 'float32'), [-1]), [0], [1]));
  return firsts.length === 1 ? firsts[0]! : tf.slice(tf.concat(firsts), [0], [1]);
}
