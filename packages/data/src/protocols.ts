import { IntList } from './growing.ts';
import { leaveOneOut, minimumLength, RowList, type RowsOf, type Split } from './split.ts';
import type { Domain, Sequences } from './types.ts';

/** The share of validation, and that of the test, where none is given. */
export const defaultShare = 0.1;

/** Shares of a user's interactions, or of all for `global-temporal`. */
export interface ProtocolShares {
  /** For validation. Default {@link defaultShare}. */
  valid?: number;
  /** For the test. Default {@link defaultShare}. */
  test?: number;
}

/** Points in time, in the unit of the domain. */
export interface ProtocolTimes {
  /** What happens from here on, and before `testFrom`, is for validation. */
  validFrom?: number;
  /** What happens from here on is for the test. */
  testFrom?: number;
}

/** What random splits are drawn from. */
export interface ProtocolSeed {
  /** One seed gives one split. Default 1. */
  seed?: number;
}

/** How {@link splitDomain} takes a domain apart. */
export type Protocol =
  /**
   * The last item of each user is for the test, the one before it for validation (UniSRec, MISSRec); with `validUsers`,
   * of so many users, drawn from the seed: that of the others is for training (RecTools, aprec). With `trainUsers` so many
   * users, drawn as well, train: what a model learns from a part of a domain, tested on all of it.
   */
  | ({
      name: 'leave-one-out';
      /** Users that have a validation row. Default all. */
      validUsers?: number;
      /** Users whose items are for training; fewer are among more, of one seed. Default all. */
      trainUsers?: number;
    } & ProtocolSeed)
  /** Any items of each user, drawn from a seed; histories keep their order. What user-item models are compared by. */
  | ({ name: 'random-by-user' } & ProtocolShares & ProtocolSeed)
  /** The last share of each user. An order is enough. */
  | ({ name: 'temporal-by-user' } & ProtocolShares)
  /**
   * One point in time for all users. Without points they are chosen so that the shares come out, never parting equal
   * times.
   */
  | ({ name: 'global-temporal' } & ProtocolShares & ProtocolTimes)
  /** The ready-made split that the domain's files hold. */
  | { name: 'files' };

/** Interactions of a user in each part. */
interface Parts {
  train: number;
  valid: number;
  test: number;
}

/**
 * How many of a user's n interactions go where, as RecBole counts: shares rounded down, and one from training to the test
 * part, then to validation, where a share has come to nothing and training keeps one.
 */
export function partSizes(n: number, shares: { valid: number; test: number }): Parts {
  const parts = { train: 0, valid: Math.floor(shares.valid * n), test: Math.floor(shares.test * n) };
  parts.train = n - parts.valid - parts.test;
  for (const part of ['test', 'valid'] as const) {
    if (parts.train <= 1) break;
    if (shares[part] > 0 && shares[part] * n < 1) {
      parts[part]++;
      parts.train--;
    }
  }
  return parts;
}

/** What is wrong with the shares of a protocol; undefined where nothing is. */
export function sharesProblem({
  valid = defaultShare,
  test = defaultShare,
}: {
  valid?: number | undefined;
  test?: number | undefined;
}): string | undefined {
  if (valid >= 0 && test >= 0 && valid + test < 1) return undefined;
  return `must not be negative and must leave a share for training, got valid ${valid} and test ${test}`;
}

/** The shares of a protocol, checked. */
function sharesOf({ valid = defaultShare, test = defaultShare }: ProtocolShares): Required<ProtocolShares> {
  const problem = sharesProblem({ valid, test });
  if (problem !== undefined) throw new RangeError(`splitDomain: shares ${problem}`);
  return { valid, test };
}

/** A whole number that depends on three others and on nothing else: two rounds of murmur's finaliser for each. */
function mixed(seed: number, user: number, place: number): number {
  let hash = 0x9e3779b9;
  for (const value of [seed, user, place]) {
    hash = Math.imul(hash ^ value, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}

/** Who of the users that give rows is drawn for a purpose; undefined where all are. */
function drawnUsers(
  { starts, ends }: Sequences,
  { name, count, seed, stream }: { name: string; count: number | undefined; seed: number; stream: number },
): ((user: number) => boolean) | undefined {
  if (count === undefined) return undefined;
  if (!(Number.isInteger(count) && count > 0))
    throw new RangeError(`splitDomain: ${name} must be a positive integer, got ${count}`);
  const long = starts.map((_, user) => user).filter((user) => ends[user]! - starts[user]! >= minimumLength);
  // Sorted by what is drawn, equal ones by user.
  const order = BigUint64Array.from(
    long,
    (user) => (BigInt(mixed(seed, user, stream)) << 32n) | BigInt(user),
  );
  const drawn = new Uint8Array(starts.length);
  for (const key of order.sort().subarray(0, count)) drawn[Number(key & 0xffff_ffffn)] = 1;
  return (user) => drawn[user] === 1;
}

/** Who has which rows by leave-one-out. */
function usersOf(
  sequences: Sequences,
  { validUsers, trainUsers, seed }: Extract<Protocol, { name: 'leave-one-out' }>,
): RowsOf {
  if (validUsers === undefined && trainUsers === undefined && seed !== undefined)
    throw new RangeError(
      `splitDomain: seed is not read by leave-one-out without validUsers or trainUsers, got ${seed}`,
    );
  const draw = (name: string, count: number | undefined, stream: number) =>
    drawnUsers(sequences, { name, count, seed: seed ?? 1, stream });
  return { validates: draw('validUsers', validUsers, 0), trains: draw('trainUsers', trainUsers, 1) };
}

/** Splits each user's sequence by the part of each of its places: rows see everything before their target. */
function splitByPlace(
  { sequences: { items, starts, ends }, items: { ids } }: Domain,
  partsOf: (user: number) => (at: number) => keyof Parts,
): Split {
  const lists = { train: new RowList(), valid: new RowList(), test: new RowList() };
  const trainCounts = new Int32Array(ids.length + 1);
  const training = { items, starts, ends: starts.slice() };
  for (let user = 0; user < starts.length; user++) {
    const [start, end] = [starts[user]!, ends[user]!];
    const partOf = partsOf(user);
    for (let at = start; at < end; at++) {
      const part = partOf(at);
      if (part === 'train') {
        trainCounts[items[at]!]!++;
        // Parts follow one another in time: training comes first.
        training.ends[user] = at + 1;
      }
      if (at > start) lists[part].push(user, start, at, items[at]!);
    }
  }
  const { train, valid, test } = lists;
  const rows = { train: train.build(items), valid: valid.build(items), test: test.build(items) };
  return { ...rows, trainCounts, training };
}

/** The parts of a split, as `parts` of the jsonl form numbers them. */
export const partNumbers = { train: 0, valid: 1, test: 2 } as const;

/**
 * Splits by the part of each place of each user, where parts are sets: validation rows see the training items, test
 * rows the training and validation items, in the order of the sequence, wherever in it their target stands.
 *
 * @param partsOf - Numbers of {@link partNumbers} for the `n` places of a user.
 */
export function splitBySets(
  { sequences, items: { ids } }: Pick<Domain, 'sequences' | 'items'>,
  partsOf: (user: number, n: number) => ArrayLike<number>,
): Split {
  const { items, starts, ends } = sequences;
  const lists = { train: new RowList(), valid: new RowList(), test: new RowList() };
  const buffer = new IntList();
  const trainCounts = new Int32Array(ids.length + 1);
  const trained = { starts: new Int32Array(starts.length), ends: new Int32Array(starts.length) };
  for (let user = 0; user < starts.length; user++) {
    const own = items.subarray(starts[user], ends[user]);
    const parts = partsOf(user, own.length);
    // Training items, then training and validation items once more: the histories of the two kinds of rows.
    const start = buffer.length;
    for (const [place, item] of own.entries()) {
      if (parts[place] !== partNumbers.train) continue;
      if (buffer.length > start) lists.train.push(user, start, buffer.length, item);
      trainCounts[item]!++;
      buffer.push(item);
    }
    const middle = buffer.length;
    trained.starts[user] = start;
    trained.ends[user] = middle;
    for (const [place, item] of own.entries()) if (parts[place] !== partNumbers.test) buffer.push(item);
    for (const [place, item] of own.entries()) {
      if (parts[place] === partNumbers.valid) lists.valid.push(user, start, middle, item);
      if (parts[place] === partNumbers.test) lists.test.push(user, middle, buffer.length, item);
    }
  }
  const all = buffer.toArray();
  const { train, valid, test } = lists;
  const rows = { train: train.build(all), valid: valid.build(all), test: test.build(all) };
  return { ...rows, trainCounts, training: { items: all, ...trained } };
}

/** Random by user: the parts of a user's places, drawn from a seed. */
function drawnParts(
  user: number,
  n: number,
  { shares, seed }: { shares: { valid: number; test: number }; seed: number },
): Uint8Array {
  const sizes = partSizes(n, shares);
  const keys = Array.from({ length: n }, (_, place) => mixed(seed, user, place));
  const drawn = [...keys.keys()].sort((a, b) => keys[a]! - keys[b]! || a - b);
  const parts = new Uint8Array(n);
  for (const place of drawn.slice(0, sizes.test)) parts[place] = partNumbers.test;
  for (const place of drawn.slice(sizes.test, sizes.test + sizes.valid)) parts[place] = partNumbers.valid;
  return parts;
}

/** The two points in time of a global split. */
function pointsOf(
  times: Float64Array,
  protocol: Extract<Protocol, { name: 'global-temporal' }>,
): { validFrom: number; testFrom: number } {
  const shares = sharesOf(protocol);
  const sorted = times.slice().sort();
  const from = (share: number): number => sorted[Math.round((1 - share) * sorted.length)] ?? Infinity;
  const { testFrom = from(shares.test), validFrom = Math.min(testFrom, from(shares.valid + shares.test)) } =
    protocol;
  if (!(validFrom <= testFrom))
    throw new RangeError(
      `splitDomain: validFrom must not be after testFrom, got ${validFrom} and ${testFrom}`,
    );
  return { validFrom, testFrom };
}

/** What leave-one-out is called where users are drawn, and what is said of them. */
function leftOut(
  { trainUsers }: Extract<Protocol, { name: 'leave-one-out' }>,
  { valid, test }: Split,
): { name: string; said: string[] } {
  const [all, validating] = [test.users.length, valid.users.length];
  const settings: string[] = [];
  const said: string[] = [];
  if (validating < all) {
    settings.push(`validUsers ${validating}`);
    said.push(
      `the last item but one of ${all - validating} users is for training: only ${validating} validate`,
    );
  }
  if (trainUsers !== undefined && trainUsers < all) {
    settings.push(`trainUsers ${trainUsers}`);
    said.push(`items of ${all - trainUsers} users are read as histories alone: only ${trainUsers} train`);
  }
  return {
    name: ['leave-one-out', ...(settings.length > 0 ? [`(${settings.join(', ')})`] : [])].join(' '),
    said,
  };
}

/**
 * The same domain, split by another protocol. Rows see what comes before their target in the user's sequence (random by
 * user: see the parts); a user's first item has nothing before it and gives no row.
 *
 * @param domain - A domain as it was read.
 * @param protocol - The protocol and its settings; shares are {@link defaultShare} by default, the seed is 1.
 * @throws RangeError for shares or points that make no split, for `global-temporal` on a domain without times, and for
 *   `files` on a domain whose files hold no split.
 */
export function splitDomain(domain: Domain, protocol: Protocol): Domain {
  const { sequences, items } = domain;
  const split = (): Split => {
    switch (protocol.name) {
      case 'leave-one-out':
        return leaveOneOut(sequences, items.ids.length, usersOf(sequences, protocol));
      case 'random-by-user': {
        const drawn = { shares: sharesOf(protocol), seed: protocol.seed ?? 1 };
        return splitBySets(domain, (user, n) => drawnParts(user, n, drawn));
      }
      case 'temporal-by-user': {
        const shares = sharesOf(protocol);
        return splitByPlace(domain, (user) => {
          const start = sequences.starts[user]!;
          const { train, valid } = partSizes(sequences.ends[user]! - start, shares);
          return (at) => (at - start < train ? 'train' : at - start < train + valid ? 'valid' : 'test');
        });
      }
      case 'global-temporal': {
        const { times } = sequences;
        if (!times)
          throw new RangeError(
            'splitDomain: global-temporal needs the time of every interaction, got only an order in ' +
              `${domain.name} (${domain.form ?? domain.directory})`,
          );
        const { validFrom, testFrom } = pointsOf(times, protocol);
        return splitByPlace(
          domain,
          () => (at) => (times[at]! >= testFrom ? 'test' : times[at]! >= validFrom ? 'valid' : 'train'),
        );
      }
      case 'files':
        if (domain.protocol !== 'files')
          throw new RangeError(
            'splitDomain: files needs a domain whose files hold a split (.train, .valid and .test.inter, or ' +
              `split.json and parts), got ${domain.form ?? domain.name}`,
          );
        return domain;
    }
  };
  const made = split();
  const { train, valid, test, trainCounts, training } = made;
  const { warnings } = domain;
  const { name, said } =
    protocol.name === 'leave-one-out' ? leftOut(protocol, made) : { name: protocol.name, said: [] };
  return {
    ...{ ...domain, train, valid, test, trainCounts, training, protocol: name },
    warnings: [...warnings, ...said],
  };
}
