import { tf } from '../tfjs.js';
import { customGradient } from './customGradient.ts';

/**
 * The exact Gaussian error linear unit, `x Φ(x) = x/2 (1 + erf(x / √2))` (Hendrycks and Gimpel 2016), with the
 * gradient `Φ(x) + x φ(x)`.
 *
 * @param x - Any shape.
 */
export function gelu<T extends tf.Tensor>(x: T): T {
  // As rows, what a linear layer gave is read as its product made it, and its products take the constant factors.
  const rows = x.rank > 1 && x.size > 0 ? tf.reshape(x, [-1, x.shape.at(-1)!]) : x;
  const made = customGradient([rows], ([input], save) => {
    const u = tf.mul(input!, Math.SQRT1_2);
    const twiceCumulative = tf.add(tf.erf(u), 1);
    save([u, twiceCumulative]);
    return {
      value: tf.mul(tf.mul(u, twiceCumulative), Math.SQRT1_2),
      gradient: (dy, [v, twice]) => {
        // 2 x φ(x) = u 2/√π exp(-u²)
        const bell = tf.exp(tf.sub(LOG_OF_TWO_OVER_ROOT_PI, tf.square(v!)));
        return [tf.mul(tf.mul(dy, 0.5), tf.add(twice!, tf.mul(v!, bell)))];
      },
    };
  });
  return tf.reshape(made, x.shape) as T;
}

const LOG_OF_TWO_OVER_ROOT_PI = Math.log(2 / Math.sqrt(Math.PI));
