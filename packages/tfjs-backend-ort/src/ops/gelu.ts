import { tf } from '../tfjs.js';
import { customGradient } from './customGradient.ts';

/**
 * The exact Gaussian error linear unit, `x Φ(x) = x/2 (1 + erf(x / √2))` (Hendrycks and Gimpel 2016), with the
 * gradient `Φ(x) + x φ(x)`.
 *
 * @param x - Any shape.
 */
export function gelu<T extends tf.Tensor>(x: T): T {
  return customGradient([x], ([input], save) => {
    save([input!]);
    return {
      value: tf.mul(input!, cumulative(input!)),
      gradient: (dy, [saved]) => {
        const density = tf.mul(tf.exp(tf.mul(tf.square(saved!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
        return [tf.mul(dy, tf.add(cumulative(saved!), tf.mul(saved!, density)))];
      },
    };
  }) as T;
}

/** Φ(x), the standard normal distribution function. */
function cumulative(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
}
