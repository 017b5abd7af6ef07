import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDomain, splitDomain, type Domain, type Protocol } from '@ferry/data';
import { partSizes } from '../src/protocols.ts';
import { directoryWith, listed, toyAtomic, toyJsonl } from './helpers.ts';

/** A domain of 9 items from sequences and, if given, their times. */
function domainOf(lists: readonly (readonly number[])[], times?: readonly number[]): Domain {
  const ends = Int32Array.from(lists.keys(), (user) => lists.slice(0, user + 1).flat().length);
  const empty = new Int32Array(0);
  const rows = { users: empty, targets: empty, items: empty, starts: empty, ends: empty };
  const ids = Array.from({ length: 9 }, (_, at) => String(at + 1));
  return {
    name: 'made',
    directory: '.',
    items: { ids, titles: ids, texts: ids, images: ids.map(() => undefined) },
    users: lists.map((_, user) => `u${user}`),
    sequences: {
      items: Int32Array.from(lists.flat()),
      starts: ends.map((end, user) => end - lists[user]!.length),
      ends,
      ...(times && { times: Float64Array.from(times) }),
    },
    train: rows,
    valid: rows,
    test: rows,
    trainCounts: new Int32Array(10),
    training: { items: new Int32Array(0), starts: new Int32Array(0), ends: new Int32Array(0) },
    warnings: [],
  };
}

/** Training items of each user. */
const trainingOf = ({ training: { items, starts, ends } }: Pick<Domain, 'training'>): number[][] =>
  Array.from(starts, (start, user) => [...items.subarray(start, ends[user])]);

const lists = fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 25 }), {
  minLength: 1,
  maxLength: 5,
});
const partsOf = (domain: Domain) => ({
  train: listed(domain.train),
  valid: listed(domain.valid),
  test: listed(domain.test),
  counts: [...domain.trainCounts],
  training: trainingOf(domain),
});

/** Rows of sequences whose places are marked with a part, by the definition: everything before a place is its history. */
function literal(own: readonly (readonly number[])[], partOf: (user: number, place: number) => string) {
  const found = {
    train: [] as unknown[],
    valid: [] as unknown[],
    test: [] as unknown[],
    counts: Array<number>(10).fill(0),
    training: own.map((): number[] => []),
  };
  for (const [user, list] of own.entries())
    for (const [place, item] of list.entries()) {
      const part = partOf(user, place) as 'train' | 'valid' | 'test';
      if (part === 'train') {
        found.counts[item]!++;
        found.training[user]!.push(item);
      }
      if (place > 0) found[part].push([user, list.slice(0, place), item]);
    }
  return found;
}

describe('partSizes', () => {
  const parts = (n: number, shares: { valid: number; test: number }) => {
    const { train, valid, test } = partSizes(n, shares);
    return [train, valid, test];
  };

  it("counts as RecBole's ratio split does", () => {
    // Worked by its rule: floors, the rest to training, then one to test and to validation where a share came to nothing.
    const sizes = (n: number) => parts(n, { valid: 0.1, test: 0.1 });
    expect([1, 2, 3, 5, 9, 10, 19, 20, 25].map(sizes)).toEqual([
      [1, 0, 0],
      [1, 0, 1],
      [1, 1, 1],
      [3, 1, 1],
      [7, 1, 1],
      [8, 1, 1],
      [17, 1, 1],
      [16, 2, 2],
      [21, 2, 2],
    ]);
    expect(parts(4, { valid: 0, test: 0.5 })).toEqual([2, 0, 2]);
  });
});

describe('splitDomain', () => {
  it('temporal-by-user takes the last share of each sequence', () => {
    fc.assert(
      fc.property(lists, fc.constantFrom(0, 0.1, 0.25), fc.constantFrom(0.1, 0.5), (own, valid, test) => {
        const made = splitDomain(domainOf(own), { name: 'temporal-by-user', valid, test });
        expect(made.protocol).toBe('temporal-by-user');
        expect(partsOf(made)).toEqual(
          literal(own, (user, place) => {
            const sizes = partSizes(own[user]!.length, { valid, test });
            return place < sizes.train ? 'train' : place < sizes.train + sizes.valid ? 'valid' : 'test';
          }),
        );
      }),
    );
  });

  it('leave-one-out validates so many users, drawn from a seed, and trains on that item of the others', () => {
    const users = (made: Domain) => [...new Set(made.valid.users)];
    fc.assert(
      fc.property(lists, fc.integer({ min: 1, max: 6 }), fc.nat(3), (own, validUsers, seed) => {
        const made = splitDomain(domainOf(own), { name: 'leave-one-out', validUsers, seed });
        const drawn = users(made);
        expect(drawn.length).toBe(Math.min(validUsers, own.filter((list) => list.length >= 3).length));
        const long = own.map((list) => (list.length < 3 ? [] : list));
        const wanted = literal(long, (user, place) => {
          const fromEnd = long[user]!.length - place;
          return fromEnd === 1 ? 'test' : fromEnd === 2 && drawn.includes(user) ? 'valid' : 'train';
        });
        expect(partsOf(made)).toEqual(wanted);
        expect(users(splitDomain(domainOf(own), { name: 'leave-one-out', validUsers, seed }))).toEqual(drawn);
      }),
    );
    // All alike: of 40 users whom 400 seeds draw 4 of, each is drawn about 40 times.
    const forty = domainOf(Array.from({ length: 40 }, () => [1, 2, 3]));
    const times = new Int32Array(40);
    for (let seed = 0; seed < 400; seed++)
      for (const user of users(splitDomain(forty, { name: 'leave-one-out', validUsers: 4, seed })))
        times[user]!++;
    expect(Math.min(...times)).toBeGreaterThan(15);
    expect(Math.max(...times)).toBeLessThan(70);
    const { valid } = splitDomain(forty, { name: 'leave-one-out', validUsers: 99 });
    expect(splitDomain(forty, { name: 'leave-one-out', validUsers: 4 }).warnings).toEqual([
      'the last item but one of 36 users is for training: only 4 validate',
    ]);
    expect(splitDomain(forty, { name: 'leave-one-out', validUsers: 99 }).warnings).toEqual([]);
    // Results of the two are told apart by what they say of their split.
    expect(
      [4, 99].map((validUsers) => splitDomain(forty, { name: 'leave-one-out', validUsers }).protocol),
    ).toEqual(['leave-one-out (validUsers 4)', 'leave-one-out']);
    expect(valid).toEqual(splitDomain(forty, { name: 'leave-one-out' }).valid);
    expect(() => splitDomain(forty, { name: 'leave-one-out', validUsers: 0 })).toThrow(
      'validUsers must be a positive integer, got 0',
    );
    expect(() => splitDomain(forty, { name: 'leave-one-out', seed: 3 })).toThrow(
      'seed is not read by leave-one-out without validUsers or trainUsers, got 3',
    );
  });

  it('leave-one-out trains on so many users, drawn from a seed, and tests all', () => {
    const count = fc.integer({ min: 1, max: 6 });
    fc.assert(
      fc.property(lists, count, fc.option(count), fc.nat(3), (own, trainUsers, drawnUsers, seed) => {
        const more = { seed, ...(drawnUsers !== null && { validUsers: drawnUsers }) };
        const split = (most: number): Domain =>
          splitDomain(domainOf(own), { name: 'leave-one-out', trainUsers: most, ...more });
        const trained = (made: Domain): number[] =>
          [...made.training.ends.keys()].filter((u) => made.training.ends[u]! > made.training.starts[u]!);
        const made = split(trainUsers);
        const all = split(99);
        const long = own.filter((list) => list.length >= 3).length;
        expect(trained(made)).toHaveLength(Math.min(trainUsers, long));
        expect([made.valid, made.test]).toEqual([all.valid, all.test]);
        // Rows and counts of those who train are what they are when all train; of the others there are none.
        const rows = ({ train }: Domain): string[] =>
          [...train.users].map((user, row) =>
            [user, train.starts[row], train.ends[row], train.targets[row]].join(),
          );
        const drawn = new Set(trained(made));
        expect(rows(made)).toEqual(rows(all).filter((row) => drawn.has(Number(row.split(',')[0]))));
        const counts = new Int32Array(made.trainCounts.length);
        for (const user of drawn)
          for (const item of all.training.items.subarray(all.training.starts[user], all.training.ends[user]))
            counts[item]!++;
        expect(made.trainCounts).toEqual(counts);
        // Fewer are among more.
        expect(trained(split(trainUsers + 2))).toEqual(expect.arrayContaining(trained(made)));
      }),
    );
    const forty = domainOf(Array.from({ length: 40 }, () => [1, 2, 3, 1]));
    const { protocol, warnings, train } = splitDomain(forty, {
      name: 'leave-one-out',
      trainUsers: 4,
      validUsers: 9,
    });
    expect(protocol).toBe('leave-one-out (validUsers 9, trainUsers 4)');
    expect(warnings.at(-1)).toBe('items of 36 users are read as histories alone: only 4 train');
    expect(new Set(train.users).size).toBe(4);
    // Who validates says nothing of who trains.
    const both = splitDomain(forty, { name: 'leave-one-out', trainUsers: 20, validUsers: 20 });
    expect(new Set([...both.train.users, ...both.valid.users]).size).toBeGreaterThan(25);
    expect(splitDomain(forty, { name: 'leave-one-out', trainUsers: 40 }).protocol).toBe('leave-one-out');
    expect(() => splitDomain(forty, { name: 'leave-one-out', trainUsers: 0.5 })).toThrow(
      'trainUsers must be a positive integer, got 0.5',
    );
  });

  it('global-temporal parts all users at two points in time', () => {
    fc.assert(
      fc.property(
        lists,
        fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
        fc.nat(9),
        fc.nat(5),
        (own, stream, at, more) => {
          // Sequences are sorted by time, as readers leave them.
          const times = own.flatMap((list) =>
            list.map(() => stream.next().value as number).sort((a, b) => a - b),
          );
          const protocol: Protocol = { name: 'global-temporal', validFrom: at, testFrom: at + more };
          let next = 0;
          const timeOf = own.map((list) => list.map(() => times[next++]!));
          expect(partsOf(splitDomain(domainOf(own, times), protocol))).toEqual(
            literal(own, (user, place) => {
              const time = timeOf[user]![place]!;
              return time < at ? 'train' : time < at + more ? 'valid' : 'test';
            }),
          );
        },
      ),
    );
  });

  it('global-temporal finds points for shares, equal times together', () => {
    const times = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    const own = [[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]];
    const shares = (t: number[]) => {
      const { train, valid, test } = splitDomain(domainOf(own, t), {
        name: 'global-temporal',
        valid: 0.2,
        test: 0.1,
      });
      return [train, valid, test].map(({ targets }) => targets.length);
    };
    // The first item has no row.
    expect(shares(times)).toEqual([6, 2, 1]);
    expect(shares([1, 2, 3, 4, 5, 6, 7, 7, 7, 7])).toEqual([5, 0, 4]);
  });

  it('random-by-user keeps each interaction once, in shares, the same for one seed', () => {
    fc.assert(
      fc.property(lists, fc.integer({ min: 0, max: 99 }), (own, seed) => {
        const domain = domainOf(own);
        const protocol: Protocol = { name: 'random-by-user', valid: 0.2, test: 0.3, seed };
        const made = partsOf(splitDomain(domain, protocol));
        expect(partsOf(splitDomain(domain, protocol))).toEqual(made);
        for (const [user, list] of own.entries()) {
          const sizes = partSizes(list.length, { valid: 0.2, test: 0.3 });
          const rows = (part: 'train' | 'valid' | 'test') => made[part].filter(([of]) => of === user);
          expect([rows('valid').length, rows('test').length]).toEqual([sizes.valid, sizes.test]);
          // Training rows are the prefixes of the training items; held-out rows see all of those.
          const training =
            sizes.train > 1 ? [...rows('train').at(-1)![1], rows('train').at(-1)![2]] : undefined;
          rows('train').forEach(([, history, target], at) => {
            expect([...history, target]).toEqual(training!.slice(0, at + 2));
          });
          expect(made.training[user]).toHaveLength(sizes.train);
          if (training) expect(made.training[user]).toEqual(training);
          if (training) for (const [, history] of rows('valid')) expect(history).toEqual(training);
          const held = [...rows('valid'), ...rows('test')].map(([, , target]) => target);
          if (training) expect([...training, ...held].sort()).toEqual([...list].sort());
          for (const [, history, target] of rows('test')) {
            expect(history).toHaveLength(sizes.train + sizes.valid);
            const without = [...list];
            for (const [, , item] of rows('test')) without.splice(without.indexOf(item), 1);
            expect([...history].sort()).toEqual(without.sort());
            expect(list).toContain(target);
          }
        }
        const total = made.counts.reduce((sum, count) => sum + count, 0);
        expect(total).toBe(
          own.reduce((sum, { length }) => sum + partSizes(length, { valid: 0.2, test: 0.3 }).train, 0),
        );
      }),
    );
  });

  it('random-by-user holds histories in the order of the sequence, and draws all places alike', () => {
    const list = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    const drawn = Array<number>(10).fill(0);
    for (let seed = 0; seed < 900; seed++) {
      const { valid, test } = splitDomain(domainOf([list]), { name: 'random-by-user', seed });
      for (const [, history] of [...listed(valid), ...listed(test)])
        expect(history).toEqual([...history].sort());
      drawn[test.targets[0]!]!++;
    }
    // 100 of each are expected, with a standard deviation of 9.4.
    for (const count of drawn.slice(1)) expect(Math.abs(count - 100)).toBeLessThan(40);
  });

  it('leave-one-out and files are what readers make', async () => {
    const simple = await readDomain(await directoryWith(toyJsonl));
    const made = await readDomain(await directoryWith(toyAtomic));
    expect([simple.protocol, made.protocol]).toEqual(['leave-one-out', 'files']);
    const other = splitDomain(simple, { name: 'temporal-by-user', test: 0.5 });
    expect(listed(other.test)).not.toEqual(listed(simple.test));
    expect(partsOf(splitDomain(other, { name: 'leave-one-out' }))).toEqual(partsOf(simple));
    expect(partsOf(splitDomain(made, { name: 'files' }))).toEqual(partsOf(made));
  });

  it('refuses what it cannot do, by name', async () => {
    const simple = await readDomain(await directoryWith(toyJsonl), { name: 'toy' });
    const run = (protocol: Protocol) => () => splitDomain(simple, protocol);
    expect(run({ name: 'global-temporal' })).toThrow(
      /global-temporal needs the time of every interaction, got only an order in toy \(items\.jsonl/,
    );
    expect(run({ name: 'files' })).toThrow(
      /files needs a domain whose files hold a split .* got items\.jsonl/,
    );
    expect(run({ name: 'temporal-by-user', valid: 0.5, test: 0.5 })).toThrow(
      /leave a share for training, got valid 0\.5/,
    );
    expect(run({ name: 'random-by-user', test: -1 })).toThrow(/not be negative/);
    expect(() =>
      splitDomain(domainOf([[1, 2]], [1, 2]), { name: 'global-temporal', validFrom: 3, testFrom: 2 }),
    ).toThrow(/validFrom must not be after testFrom, got 3 and 2/);
  });
});
