import { tf } from '../tfjs.js';
import { OrtBackend } from '../backend.ts';
import { philox4x32 } from '../random/philox.ts';

/** Random tensors of one step, each a pure function of the step's key and the order of the calls. */
export interface RandomSource {
  /**
   * Dropout mask: 0 with probability `rate` (in steps of 2^-16), else 1 / (1 - rate), so that its mean is 1.
   */
  keepMask(shape: number[], rate: number): tf.Tensor;
  /** Uniform in [0, 1), 24 bits of resolution. */
  uniform(shape: number[]): tf.Tensor;
  /** A source that gives from now on what this one is about to give; neither knows of the other's draws. */
  fork(): RandomSource;
}

/**
 * The random tensors of a step. Sites are numbered in the order of the calls, and every number is Philox4x32-10 of
 * (element, site, step) under the stream's key: the same program with the same key gives the same numbers on every
 * backend, compiled or not, and after a resume.
 *
 * @param key - int32 [4]: two words of the stream's key, two of the step. In a compiled function an explicit argument.
 */
export function randomSource(key: tf.Tensor): RandomSource {
  if (key.dtype !== 'int32' || key.size !== 4)
    throw new Error(
      `randomSource: key must be int32 [4] (randomKey), got ${key.dtype} [${key.shape.join(', ')}]`,
    );
  return sourceFrom(key, 0);
}

/** The source whose next site has a number. */
function sourceFrom(key: tf.Tensor, first: number): RandomSource {
  let sites = first;
  return {
    fork: () => sourceFrom(key, sites),
    keepMask: (shape, rate) => {
      const threshold = Math.round(rate * 65536);
      if (!(threshold >= 0 && threshold < 65536))
        throw new Error(`keepMask: rate must be in [0, 1), got ${rate}`);
      const site = sites++;
      if (tf.backend() instanceof OrtBackend) return runKernel('KeepMask', key, { shape, site, threshold });
      return hostTensor(key, shape, (words, out) => {
        fillMask(out, threshold, words, site);
      });
    },
    uniform: (shape) => {
      const site = sites++;
      if (tf.backend() instanceof OrtBackend) return runKernel('UniformNumbers', key, { shape, site });
      return hostTensor(key, shape, (words, out) => {
        fillUniform(out, words, site);
      });
    },
  };
}

type Key = readonly [number, number, number, number];

function runKernel(name: string, key: tf.Tensor, attributes: tf.NamedAttrMap): tf.Tensor {
  return tf.engine().runKernel<tf.Tensor>(name, { key }, attributes);
}

function hostTensor(
  key: tf.Tensor,
  shape: number[],
  write: (key: Key, out: Float32Array) => void,
): tf.Tensor {
  const out = new Float32Array(tf.util.sizeFromShape(shape));
  const [k0, k1, s0, s1] = key.dataSync();
  write([k0! >>> 0, k1! >>> 0, s0! >>> 0, s1! >>> 0], out);
  return tf.tensor(out, shape);
}

/**
 * Elements come in groups of 32 from four blocks: 16 bits of word j of block l for element 8 j + 2 l + half, the order
 * in which a vector unit has them.
 */
function fillMask(out: Float32Array, threshold: number, [k0, k1, s0, s1]: Key, site: number): void {
  const scale = 65536 / (65536 - threshold);
  for (let group = 0; group * 32 < out.length; group++)
    for (let l = 0; l < 4; l++) {
      const block = philox4x32([group * 4 + l, site, s0, s1], [k0, k1]);
      for (let j = 0; j < 4; j++)
        for (let half = 0; half < 2; half++) {
          const bits = (block[j]! >>> (16 * half)) & 0xffff;
          const at = group * 32 + 8 * j + 2 * l + half;
          if (at < out.length) out[at] = bits >= threshold ? scale : 0;
        }
    }
}

/** Groups of 16 elements: word j of block l for element 4 j + l. */
function fillUniform(out: Float32Array, [k0, k1, s0, s1]: Key, site: number): void {
  for (let group = 0; group * 16 < out.length; group++)
    for (let l = 0; l < 4; l++) {
      const block = philox4x32([group * 4 + l, site, s0, s1], [k0, k1]);
      for (let j = 0; j < 4; j++) {
        const at = group * 16 + 4 * j + l;
        if (at < out.length) out[at] = (block[j]! >>> 8) / 2 ** 24;
      }
    }
}

/**
 * Inverted dropout (Srivastava et al. 2014): entries are zeroed with probability `rate`, the rest divided by
 * `1 - rate`.
 *
 * @param x - Any shape.
 * @param rate - In [0, 1).
 * @param random - The step's random source; without one (evaluation) x is returned as it is.
 */
export function dropout<T extends tf.Tensor>(x: T, rate: number, random: RandomSource | undefined): T {
  return random && rate > 0 ? tf.mul(x, random.keepMask(x.shape, rate)) : x;
}
