import * as tf from '@tensorflow/tfjs';

/**
 * `x Wᵀ + b`, over the last axis of x.
 *
 * @param x - [..., I]
 * @param weight - [O, I], PyTorch's layout.
 * @param bias - [O], or none.
 * @returns [..., O]
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  const inputs = x.shape.at(-1);
  const [outputs, width] = weight.shape;
  if (weight.rank !== 2 || inputs !== width)
    throw new Error(
      `linear: weight must be [O, ${inputs ?? '?'}] for x [${x.shape.join(', ')}], got [${weight.shape.join(', ')}]`,
    );
  const rows = tf.reshape(x, [-1, inputs!]);
  const product = tf.matMul(rows, weight, false, true);
  const shifted = bias ? tf.add(product, bias) : product;
  return tf.reshape(shifted, [...x.shape.slice(0, -1), outputs]);
}
