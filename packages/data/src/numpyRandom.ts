/** Mersenne Twister of 32 bits: words of state, and the distance of the words that are combined. */
const N = 624;
const M = 397;

/** A shape or a number of draws. */
type Fill<T> = { length: number; [index: number]: T };

/**
 * numpy's legacy generator, `numpy.random.RandomState`: MT19937 with the algorithms that numpy froze in version 1.17,
 * to the last bit. What was drawn by `np.random.seed(…)` and its functions (Elliot's splits and samplers, most
 * published experiments) is drawn again. Ferry's own random numbers come from its counter-based streams, which can be
 * resumed anywhere; these cannot.
 */
export class NumpyRandom {
  readonly #state = new Uint32Array(N);
  #at = N;

  /**
   * @param seed - As `np.random.seed(seed)`: an integer in [0, 2^32).
   */
  constructor(seed: number) {
    this.seed(seed);
  }

  /**
   * Begins anew, as `np.random.seed(seed)`.
   *
   * @throws RangeError unless the seed is an integer in [0, 2^32).
   */
  seed(seed: number): void {
    if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
      throw new RangeError(`NumpyRandom: seed must be an integer in [0, 2^32), got ${seed}`);
    const state = this.#state;
    state[0] = seed;
    for (let i = 1; i < N; i++) {
      const previous = state[i - 1]! ^ (state[i - 1]! >>> 30);
      state[i] = Math.imul(previous, 1812433253) + i;
    }
    this.#at = N;
  }

  /** The next 32 bits. */
  uint32(): number {
    if (this.#at === N) this.#twist();
    let word = this.#state[this.#at++]!;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    word ^= word >>> 18;
    return word >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < N; i++) {
      const joined = (state[i]! & 0x80000000) | (state[(i + 1) % N]! & 0x7fffffff);
      state[i] = state[(i + M) % N]! ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
    }
    this.#at = 0;
  }

  /** `np.random.random_sample()`: uniform in [0, 1), 53 bits. */
  randomSample(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /**
   * `np.random.randint(low, high)` of the default type: an integer in [low, high).
   *
   * @param low - From; or, without `high`, the bound, and 0 is from where.
   * @param high - Exclusive; at most 2^32 above `low`.
   */
  randint(low: number, high?: number): number {
    const [from, to] = high === undefined ? [0, low] : [low, high];
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || to <= from || to - from > 2 ** 32)
      throw new RangeError(
        `NumpyRandom.randint: needs integers low < high <= low + 2^32, got ${from} and ${to}`,
      );
    return from + this.#upTo(to - from - 1);
  }

  /** Uniform in [0, max]: words cut to the bits of `max`, until one is not above it. */
  #upTo(max: number): number {
    if (max === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(max);
    let value = (this.uint32() & mask) >>> 0;
    while (value > max) value = (this.uint32() & mask) >>> 0;
    return value;
  }

  /** `np.random.shuffle(values)` of a list or of an array with one axis: in place; returns the same. */
  shuffle<T, A extends Fill<T>>(values: A & Fill<T>): A {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.#upTo(i);
      const kept = values[i]!;
      values[i] = values[j]!;
      values[j] = kept;
    }
    return values;
  }

  /** `np.random.permutation(n)`: 0..n-1 in random order. */
  permutation(n: number): Int32Array {
    return this.shuffle<number, Int32Array>(Int32Array.from({ length: n }, (_, i) => i));
  }

  /**
   * `np.random.choice(n, size, replace, p)`: `size` of the numbers 0..n-1.
   *
   * @param options - `replace`: whether a number may come again, by default true as in numpy; `p`: [n] probabilities
   *   that sum to 1, without which all are equal.
   */
  choice(
    n: number,
    size: number,
    { replace = true, p }: { replace?: boolean; p?: ArrayLike<number> } = {},
  ): Int32Array {
    if (!Number.isInteger(n) || n < 1)
      throw new RangeError(`NumpyRandom.choice: n must be a positive integer, got ${n}`);
    if (!replace && size > n)
      throw new RangeError(`NumpyRandom.choice: ${size} of ${n} cannot be drawn without replacement`);
    if (p) return this.#weighted(n, size, replace, p);
    if (!replace) return this.permutation(n).slice(0, size);
    return Int32Array.from({ length: size }, () => this.#upTo(n - 1));
  }

  #weighted(n: number, size: number, replace: boolean, p: ArrayLike<number>): Int32Array {
    const weights = Float64Array.from(p);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    if (weights.length !== n || !weights.every((weight) => weight >= 0) || !(Math.abs(sum - 1) < 1.5e-8))
      throw new RangeError(
        `NumpyRandom.choice: p must be ${n} probabilities that sum to 1, got ${weights.length} that sum to ${sum}`,
      );
    const possible = weights.filter((weight) => weight > 0).length;
    if (!replace && possible < size)
      throw new RangeError(
        `NumpyRandom.choice: ${size} numbers need as many probabilities above 0, got ${possible}`,
      );
    const cumulative = (): Float64Array => {
      let total = 0;
      const sums = weights.map((weight) => (total += weight));
      return sums.map((value) => value / total);
    };
    const uniform = (count: number): Float64Array =>
      Float64Array.from({ length: count }, () => this.randomSample());
    if (replace) {
      const bounds = cumulative();
      return Int32Array.from(uniform(size), (value) => firstAbove(bounds, value));
    }
    const found: number[] = [];
    while (found.length < size) {
      const values = uniform(size - found.length);
      for (const index of found) weights[index] = 0;
      const bounds = cumulative();
      const drawn = Array.from(values, (value) => firstAbove(bounds, value));
      for (const index of new Set(drawn)) found.push(index);
    }
    return Int32Array.from(found);
  }
}

/** `searchsorted(bounds, value, side='right')`. */
function firstAbove(bounds: Float64Array, value: number): number {
  let [low, high] = [0, bounds.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bounds[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
