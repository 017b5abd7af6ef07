import * as tf from '@tensorflow/tfjs';
import { philox4x32 } from '../random/philox.ts';

/** Random tensors of one step, each a pure function of the step's key and the order of the calls. */
export interface RandomSource {
  /** Dropout mask: 0 with probability `rate`, else 1 / (1 - rate), so that its mean is 1. */
  keepMask(shape: number[], rate: number): tf.Tensor;
  /** Uniform in [0, 1), 24 bits of resolution. */
  uniform(shape: number[]): tf.Tensor;
}

/**
 * The random tensors of a step. Sites are numbered in the order of the calls, so the same program with the same key
 * gives the same numbers on every backend, compiled or not.
 *
 * @param key - int32 [4]: two words of the stream's key, two of the step. In a compiled function an explicit argument.
 */
export function randomSource(key: tf.Tensor): RandomSource {
  let sites = 0;
  return {
    keepMask: (shape, rate) => {
      if (!(rate >= 0 && rate < 1)) throw new Error(`keepMask: rate must be in [0, 1), got ${rate}`);
      const site = sites++;
      const scale = 1 / (1 - rate);
      return tf.tidy(() => tf.mul(tf.cast(tf.greaterEqual(words(key, site, shape), rate), 'float32'), scale));
    },
    uniform: (shape) => words(key, sites++, shape),
  };
}

function words(key: tf.Tensor, site: number, shape: number[]): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = new Float32Array(size);
  const [k0, k1, s0, s1] = key.dataSync();
  for (let i = 0; i < size; i += 4) {
    const block = philox4x32([i / 4, site, s0! >>> 0, s1! >>> 0], [k0! >>> 0, k1! >>> 0]);
    for (let j = 0; j < 4 && i + j < size; j++) values[i + j] = (block[j]! >>> 8) / 2 ** 24;
  }
  return tf.tensor(values, shape);
}

/**
 * Inverted dropout (Srivastava et al. 2014): entries are zeroed with probability `rate`, the rest divided by `1 - rate`.
 *
 * @param x - Any shape.
 * @param rate - In [0, 1).
 * @param random - The step's random source; without one (evaluation) x is returned as it is.
 */
export function dropout<T extends tf.Tensor>(x: T, rate: number, random: RandomSource | undefined): T {
  return random && rate > 0 ? tf.mul(x, random.keepMask(x.shape, rate)) : x;
}
