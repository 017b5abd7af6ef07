import { philox4x32, randomSource as sourceOf, tf, type RandomSource } from '@ferry/tfjs-backend-ort';
import { reading } from './guards.ts';

/** Everything needed to continue a {@link RandomStream} where it stood; plain JSON. */
export interface RandomState {
  /** Two unsigned 32-bit words: which stream. */
  key: [number, number];
  /** How many 32-bit words were drawn: where in the stream. */
  drawn: number;
}

/** FNV-1a hash of a name's UTF-8 bytes, 32 bits. */
function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/**
 * A seeded stream of random numbers on the host. Streams are split by name, so adding a consumer never
 * shifts the numbers another one sees, and `state()` / `RandomStream.restore` continue a stream exactly.
 *
 * @example
 * ```ts
 * const root = RandomStream.fromSeed(2020);
 * const order = root.split('order').shuffle([0, 1, 2, 3]);
 * ```
 */
export class RandomStream {
  /** Two unsigned 32-bit words that name the stream. */
  readonly key: readonly [number, number];
  #drawn: number;
  #block: [number, number, number, number] | undefined;
  #blockIndex = -1;

  private constructor(key: readonly [number, number], drawn: number) {
    this.key = key;
    this.#drawn = drawn;
  }

  /**
   * @param seed - A non-negative safe integer.
   * @throws RangeError if the seed is anything else.
   */
  static fromSeed(seed: number): RandomStream {
    if (!Number.isSafeInteger(seed) || seed < 0)
      throw new RangeError(`RandomStream: seed must be a non-negative integer, got ${seed}`);
    return new RandomStream([seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0], 0);
  }

  /** Continues a stream from what {@link RandomStream.state} returned. */
  static restore(state: RandomState): RandomStream {
    return new RandomStream([state.key[0] >>> 0, state.key[1] >>> 0], state.drawn);
  }

  /** The stream's position, as plain JSON. */
  state(): RandomState {
    return { key: [this.key[0], this.key[1]], drawn: this.#drawn };
  }

  /**
   * An independent stream that depends only on this stream's key, the name and the index, not on how many
   * numbers were drawn.
   */
  split(name: string, index = 0): RandomStream {
    const [k0, k1] = philox4x32(
      [hashName(name), index >>> 0, Math.floor(index / 2 ** 32) >>> 0, 0xffffffff],
      this.key,
    );
    return new RandomStream([k0, k1], 0);
  }

  /** The next unsigned 32-bit integer. */
  uint32(): number {
    const index = Math.floor(this.#drawn / 4);
    if (index !== this.#blockIndex || !this.#block) {
      this.#block = philox4x32([index >>> 0, Math.floor(index / 2 ** 32), 0, 0], this.key);
      this.#blockIndex = index;
    }
    return this.#block[this.#drawn++ % 4]!;
  }

  /** Uniform in [0, 1), 32 bits of resolution. */
  uniform(): number {
    return this.uint32() / 2 ** 32;
  }

  /** Standard normal, by the Box-Muller transform; draws two words. */
  normal(): number {
    const u = (this.uint32() + 1) / 2 ** 32;
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.uniform());
  }

  /**
   * Uniform integer in [0, n).
   *
   * @throws RangeError unless n is an integer in [1, 2^32].
   */
  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32)
      throw new RangeError(`RandomStream.integer: n must be an integer in [1, 2^32], got ${n}`);
    // Words above the largest multiple of n would favour small results: draw again.
    const limit = 2 ** 32 - (2 ** 32 % n);
    let word = this.uint32();
    while (word >= limit) word = this.uint32();
    return word % n;
  }

  /** Shuffles in place (Fisher-Yates) and returns the same array. */
  shuffle<T extends unknown[] | Int32Array | Float32Array>(values: T): T {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = values[i];
      values[i] = values[j];
      values[j] = kept;
    }
    return values;
  }
}

/**
 * The key of one step's random tensors, for {@link randomSource}: an explicit argument of a compiled step.
 *
 * @param stream - Names the sequence of keys.
 * @param step - A non-negative integer.
 * @returns int32 [4]: the stream's key and the step, low word first.
 */
export function randomKey(stream: RandomStream, step: number): tf.Tensor1D {
  if (!Number.isSafeInteger(step) || step < 0)
    throw new RangeError(`randomKey: step must be a non-negative integer, got ${step}`);
  return tf.tensor1d([stream.key[0] | 0, stream.key[1] | 0, step | 0, Math.floor(step / 2 ** 32)], 'int32');
}

/**
 * The random tensors of one step: masks and uniform numbers, each a pure function of the key and of the order of the
 * calls, equal on every backend, compiled or not, and after a resume (see randomSource of the package
 * tfjs-backend-ort). Inside a compiled function the key must be an argument.
 *
 * @param key - int32 [4], from {@link randomKey}.
 */
export function randomSource(key: tf.Tensor): RandomSource {
  return allowed(sourceOf(key));
}

/** Eager backends read the key to compute the numbers on the host; on ort nothing is read. */
function allowed(source: RandomSource): RandomSource {
  return {
    keepMask: (shape, rate) => reading(() => source.keepMask(shape, rate)),
    uniform: (shape) => reading(() => source.uniform(shape)),
    fork: () => allowed(source.fork()),
  };
}
