import * as tf from '@tensorflow/tfjs';
import { customGradient } from './customGradient.ts';

/**
 * Layer normalisation over the last axis (Ba et al. 2016, eq. 4), with the biased variance as PyTorch uses it:
 * `y = (x - mean) / sqrt(var + epsilon) * gamma + beta`. The gradient is written by hand: two row means
 * over x̂ and dy instead of the dozen operations tfjs's tape would record.
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
  return customGradient([x, gamma, beta], ([input, scale, shift], save) => {
    const mean = tf.mean(input!, -1, true);
    const centred = tf.sub(input!, mean);
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
    const normalised = tf.mul(centred, inverse);
    save([normalised, inverse, scale!]);
    return {
      value: tf.add(tf.mul(normalised, scale!), shift!),
      gradient: (dy, [xhat, inv, g]) => {
        const rows = [-1, width];
        const product = tf.mul(dy, xhat!);
        const scaled = tf.mul(dy, g!);
        const dx = () => {
          const inner = tf.sub(
            tf.sub(scaled, tf.mean(scaled, -1, true)),
            tf.mul(xhat!, tf.mean(tf.mul(scaled, xhat!), -1, true)),
          );
          return tf.mul(inner, inv!);
        };
        return [
          dx(),
          tf.reshape(tf.sum(tf.reshape(product, rows as [number, number]), 0), g!.shape),
          tf.reshape(tf.sum(tf.reshape(dy, rows as [number, number]), 0), g!.shape),
        ];
      },
    };
  }) as T;
}
