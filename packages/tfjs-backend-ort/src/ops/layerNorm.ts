import { tf } from '../tfjs.js';
import { OrtBackend } from '../backend.ts';
import { customGradient } from './customGradient.ts';

/**
 * Layer normalisation over the last axis (Ba et al. 2016, eq. 4), with the biased variance as PyTorch uses it:
 * `y = (x - mean) / sqrt(var + epsilon) * gamma + beta`. On `ort` the forward pass is one kernel; the gradient is
 * written by hand, with its sums over rows and columns as matrix products.
 *
 * @param x - [..., D]
 * @param gamma - [D]
 * @param beta - [D]
 * @param epsilon - Added to the variance.
 * @returns [..., D]
 */
export function layerNorm<T extends tf.Tensor>(x: T, gamma: tf.Tensor, beta: tf.Tensor, epsilon = 1e-5): T {
  const width = x.shape.at(-1);
  if (width === undefined || gamma.size !== width || beta.size !== width)
    throw new Error(
      `layerNorm: gamma and beta must have the width of x's last axis, got x [${x.shape.join(', ')}], ` +
        `gamma [${gamma.shape.join(', ')}], beta [${beta.shape.join(', ')}]`,
    );
  const rows = tf.reshape(x, [x.size / Math.max(width, 1), width]);
  const normalised = customGradient([rows, gamma, beta], ([input, scale, shift], save) => {
    const [value, mean, inverse] = forward(input!, scale!, shift!, epsilon);
    save([input!, mean, inverse, scale!]);
    return { value, gradient: (dy, saved) => backward(dy, saved, width) };
  });
  return tf.reshape(normalised, x.shape) as T;
}

type Normalised = [y: tf.Tensor, mean: tf.Tensor, inverse: tf.Tensor];

/** [R, D] -> [R, D] and the rows' mean and 1 / sqrt(var + epsilon), [R, 1] each. */
function forward(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: number): Normalised {
  if (tf.backend() instanceof OrtBackend)
    return tf.engine().runKernel<tf.Tensor[]>('LayerNorm', { x, gamma, beta }, { epsilon }) as Normalised;
  const mean = tf.mean(x, -1, true);
  const centred = tf.sub(x, mean);
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
  return [tf.add(tf.mul(tf.mul(centred, inverse), gamma), beta), mean, inverse];
}

/**
 * With x̂ = (x - mean) inverse and s = dy gamma: dx = inverse (s - mean(s) - x̂ mean(s x̂)), dgamma = Σ dy x̂, dbeta =
 * Σ dy.
 */
function backward(dy: tf.Tensor, saved: tf.Tensor[], width: number): tf.Tensor[] {
  const [x, mean, inverse, gamma] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const centred = tf.sub(x, mean);
  const product = tf.mul(dy, centred);
  const share = tf.reshape(tf.div(gamma, width), [width, 1]);
  const meanScaled = tf.matMul(dy, share);
  const meanProduct = tf.mul(tf.matMul(product, share), inverse);
  const alongInput = tf.mul(centred, tf.mul(meanProduct, tf.square(inverse)));
  const direct = tf.mul(tf.mul(dy, gamma), inverse);
  const dx = tf.sub(tf.sub(direct, alongInput), tf.mul(meanScaled, inverse));
  const dgamma = tf.reshape(tf.matMul(inverse, product, true), gamma.shape);
  return [dx, dgamma, tf.reshape(tf.sum(dy, 0), gamma.shape)];
}
