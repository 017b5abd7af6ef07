import type { RandomStream } from '@ferry/engine';

/**
 * xoshiro128** (Blackman and Vigna 2018), begun from a stream: an epoch takes millions of numbers, which the stream's
 * own generator would make too slowly. Where an epoch begins is still a function of its stream alone.
 */
export class Draws {
  readonly #state: Int32Array;

  constructor(random: RandomStream) {
    this.#state = Int32Array.from({ length: 4 }, () => random.uint32() | 0);
  }

  /** 32 random bits, as a number in [0, 2^32). */
  #word(): number {
    const s = this.#state;
    const a = s[0]!;
    const b = s[1]!;
    const e = s[2]! ^ a;
    const f = s[3]! ^ b;
    const five = Math.imul(b, 5);
    const word = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    s[0] = a ^ f;
    s[1] = b ^ e;
    s[2] = e ^ (b << 9);
    s[3] = (f << 11) | (f >>> 21);
    return word;
  }

  /** A number in [0, n), uniform but for one part in 2^32 / n. */
  integer(n: number): number {
    // Exact up to 2^21, so no word gives n.
    return Math.floor((this.#word() * n) / 2 ** 32);
  }

  /** A number between 0 and 1, neither of them. */
  uniform(): number {
    return (this.#word() + 0.5) / 2 ** 32;
  }

  /** Shuffles in place. */
  shuffle(values: Int32Array): Int32Array {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = values[i]!;
      values[i] = values[j]!;
      values[j] = kept;
    }
    return values;
  }
}
