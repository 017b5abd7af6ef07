import type { RandomStream } from '@ferry/engine';
import { Draws } from './draws.ts';
import { holds, missingNumber, type Interactions } from './interactions.ts';

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

/** Draws that are thrown away before a user's negative is drawn from a list of all that remain. */
const MOST_REJECTED = 16;

/** An item that a user has not; users with all items must not come here. */
function negativeOf(
  user: number,
  { items, starts, columns }: Interactions,
  by: Sampling['negatives'],
  random: Draws,
): number {
  // Places, not a view of the user's items: making one takes longer than all the rest.
  const from = starts[user]!;
  const to = starts[user + 1]!;
  for (let tries = 0; tries < MOST_REJECTED; tries++) {
    const item = by === 'uniform' ? random.integer(items) : columns[random.integer(columns.length)]!;
    if (!holds(columns, item, from, to)) return item;
  }
  const missing = (): number =>
    missingNumber(columns.subarray(from, to), random.integer(items - (to - from)));
  if (by === 'uniform') return missing();
  const left = columns.filter((item) => !holds(columns, item, from, to));
  return left.length > 0 ? left[random.integer(left.length)]! : missing();
}

const size = ({ starts }: Interactions, user: number): number => starts[user + 1]! - starts[user]!;

/** Users who have items, and not all of them. */
const ableUsers = (data: Interactions): Int32Array =>
  Int32Array.from({ length: data.users }, (_, user) => user).filter(
    (user) => size(data, user) > 0 && size(data, user) < data.items,
  );

/** Triples of an epoch by some users. */
const countOf = (data: Interactions, over: Sampling['over'], able: Int32Array): number =>
  over === 'users' && able.length > 0
    ? data.columns.length
    : able.reduce((sum, user) => sum + size(data, user), 0);

/** How many triples {@link drawTriples} draws. */
export const tripleCount = (data: Interactions, { over }: Sampling): number =>
  countOf(data, over, ableUsers(data));

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
  const { starts, columns } = data;
  const able = ableUsers(data);
  const total = countOf(data, over, able);
  const users = new Int32Array(total);
  const positives = new Int32Array(total);
  const negatives = new Int32Array(total);
  if (over === 'users')
    for (let t = 0; t < total; t++) {
      const user = able[random.integer(able.length)]!;
      users[t] = user;
      positives[t] = columns[starts[user]! + random.integer(size(data, user))]!;
    }
  else {
    const owner = new Int32Array(columns.length);
    const entries = new Int32Array(total);
    let count = 0;
    for (const user of able)
      for (let e = starts[user]!; e < starts[user + 1]!; e++) {
        owner[e] = user;
        entries[count++] = e;
      }
    random.shuffle(entries);
    for (let t = 0; t < total; t++) {
      users[t] = owner[entries[t]!]!;
      positives[t] = columns[entries[t]!]!;
    }
  }
  for (let t = 0; t < total; t++) negatives[t] = negativeOf(users[t]!, data, by, random);
  return { users, positives, negatives };
}
