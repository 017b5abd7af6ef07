import { tf } from '../tfjs.js';

/**
 * The largest of each row, [R, 1], for a softmax: a NaN is in the sum of exponents anyway, so `ort` need not look for
 * one here.
 *
 * @param x - [R, C]
 */
export function rowMaxima(x: tf.Tensor): tf.Tensor {
  const attributes = { reductionIndices: [1], keepDims: true, withoutNaN: true };
  return tf.engine().runKernel<tf.Tensor>('Max', { x }, attributes);
}
