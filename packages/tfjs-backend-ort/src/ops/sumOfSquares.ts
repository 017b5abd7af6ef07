import { tf } from '../tfjs.js';
import { customGradient } from './customGradient.ts';

/**
 * Squared length of vectors, `Σ_d x_d²`. The numbers of `tf.sum(tf.square(x), -1, true)`; its gradient is one product,
 * for it does not look whether a slope is infinite where x is 0: under a root the sum must have a floor.
 *
 * @param x - [..., D]
 * @returns [..., 1]
 */
export function sumOfSquares(x: tf.Tensor): tf.Tensor {
  return customGradient([x], ([vectors], save) => {
    save([vectors!]);
    return {
      value: tf.sum(tf.square(vectors!), -1, true),
      gradient: (dy, [saved]) => [tf.mul(saved!, tf.mul(dy, 2))],
    };
  });
}
