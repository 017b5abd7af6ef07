import type { RandomStream } from '@ferry/engine';
import { holds, itemsOf, missingNumber, type Interactions } from './interactions.ts';

/** What an epoch's triples are drawn from. */
export interface Sampling {
  /**
   * `interactions`: every interaction once, in random order. `users`: a random user each time, then one of the user's
   * items.
   */
  over: 'interactions' | 'users';
  /** `uniform`: every item alike; `popularity`: by training interactions. Never one that the user has. */
  negatives: 'uniform' | 'popularity';
}

/** Users, an item that each has, and one that each has not; int32 [T] each, items as rows from 0. */
export interface Triples {
  /** [T] */
  users: Int32Array;
  /** [T] */
  positives: Int32Array;
  /** [T] */
  negatives: Int32Array;
}

/**
 * xoshiro128** (Blackman and Vigna 2018), begun from a stream: an epoch takes millions of numbers, which the stream's
 * own generator would make too slowly. Where an epoch begins is still a function of its stream alone.
 */
class Draws {
  readonly #state: Uint32Array;

  constructor(random: RandomStream) {
    this.#state = Uint32Array.from({ length: 4 }, () => random.uint32());
  }

  /** A number in [0, n), uniform but for one part in 2^32 / n. */
  integer(n: number): number {
    const s = this.#state;
    const [a, b, c, d] = [s[0]!, s[1]!, s[2]!, s[3]!];
    const five = Math.imul(b, 5);
    const word = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    const e = c ^ a;
    const f = d ^ b;
    s[1] = b ^ e;
    s[0] = a ^ f;
    s[2] = e ^ (b << 9);
    s[3] = (f << 11) | (f >>> 21);
    return Math.floor((word / 2 ** 32) * n);
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

/** Draws that are thrown away before a user's negative is drawn from a list of all that remain. */
const MOST_REJECTED = 16;

/** An item that the user has not; users with all items must not come here. */
function negativeOf(
  own: Int32Array,
  { items, columns }: Interactions,
  by: Sampling['negatives'],
  random: Draws,
): number {
  for (let tries = 0; tries < MOST_REJECTED; tries++) {
    const item = by === 'uniform' ? random.integer(items) : columns[random.integer(columns.length)]!;
    if (!holds(own, item)) return item;
  }
  if (by === 'uniform') return missingNumber(own, random.integer(items - own.length));
  const left = columns.filter((item) => !holds(own, item));
  return left.length > 0
    ? left[random.integer(left.length)]!
    : missingNumber(own, random.integer(items - own.length));
}

/**
 * The triples of an epoch: as many as there are interactions. Users without items, and those who have every item, give
 * none.
 *
 * @param stream - Of this epoch alone.
 */
export function drawTriples(
  data: Interactions,
  { over, negatives: by }: Sampling,
  stream: RandomStream,
): Triples {
  const random = new Draws(stream);
  const { users: U, items, starts, columns } = data;
  const size = (user: number): number => starts[user + 1]! - starts[user]!;
  const able = Array.from({ length: U }, (_, user) => user).filter(
    (user) => size(user) > 0 && size(user) < items,
  );
  const total =
    over === 'users' && able.length > 0 ? columns.length : able.reduce((sum, user) => sum + size(user), 0);
  const users = new Int32Array(total);
  const positives = new Int32Array(total);
  const negatives = new Int32Array(total);
  if (over === 'users')
    for (let t = 0; t < total; t++) {
      const user = able[random.integer(able.length)]!;
      users[t] = user;
      positives[t] = columns[starts[user]! + random.integer(size(user))]!;
    }
  else {
    let t = 0;
    const owner = new Int32Array(total);
    const entry = new Int32Array(total);
    for (const user of able)
      for (let e = starts[user]!; e < starts[user + 1]!; e++) {
        owner[t] = user;
        entry[t++] = e;
      }
    const order = random.shuffle(Int32Array.from(owner.keys()));
    order.forEach((from, to) => {
      users[to] = owner[from]!;
      positives[to] = columns[entry[from]!]!;
    });
  }
  for (let t = 0; t < total; t++) negatives[t] = negativeOf(itemsOf(data, users[t]!), data, by, random);
  return { users, positives, negatives };
}
