import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { presets } from '../src/index.ts';
import { Folder, prepared, refusal, type Made } from './helpers.ts';

const folder = new Folder();
const csv = (rows: readonly (readonly (string | number)[])[]): string =>
  ['user,item,rating,time', ...rows.map((row) => row.join(','))].join('\n');

const log = folder.file(
  'log.csv',
  csv([
    ['u', 'a', 5, 10],
    ['u', 'a', 5, 10],
    ['u', 'a', 4, 12],
    ['u', 'b', 2, 11],
    ['u', 'c', 3, 13],
    ['v', 'a', 5, 9],
    ['v', 'b', 1, 20],
    ['v', 'c', 4, 21],
  ]),
);
const items = ({ sequences }: Made): string[] => sequences.map(({ items: own }) => own.join(''));

describe('rules', () => {
  it('leave out ratings, times and duplicates, and count each step', async () => {
    expect(items(await prepared(folder, log))).toEqual(['aabac', 'abc']);
    expect(items(await prepared(folder, log, { minRating: 4 }))).toEqual(['aaa', 'ac']);
    expect(items(await prepared(folder, log, { aboveRating: 2 }))).toEqual(['aaac', 'ac']);
    expect(items(await prepared(folder, log, { since: '11', until: '21' }))).toEqual(['bac', 'b']);
    expect(items(await prepared(folder, log, { duplicates: 'identical' }))).toEqual(['abac', 'abc']);
    expect(items(await prepared(folder, log, { duplicates: 'first' }))).toEqual(['abc', 'abc']);
    expect(items(await prepared(folder, log, { duplicates: 'last' }))).toEqual(['bac', 'abc']);
    const { provenance } = await prepared(folder, log, {
      duplicates: 'identical',
      minRating: 2,
      since: '10',
    });
    expect(provenance.steps.map(({ rule, after }) => [rule, after.interactions])).toEqual([
      ['read', 8],
      ['rating at least 2', 7],
      ['time from 10', 6],
      ['rows equal in user, item, rating and time once', 5],
    ]);
  });

  it('need what they are about', async () => {
    const bare = folder.file('bare.csv', 'user,item\nu,a\nu,b\nu,c\n');
    expect(await refusal(folder, bare, { minRating: 3 })).toMatch(
      /bare\.csv: a rule about ratings needs a column of ratings/,
    );
    expect(await refusal(folder, bare, { since: '3' })).toMatch(/from and until need a column of times/);
    expect(await refusal(folder, bare, { order: 'time' })).toMatch(/order by time needs a column of times/);
    expect(await refusal(folder, bare, { require: ['title'] })).toMatch(
      /name the file of items with --items/,
    );
    expect(await refusal(folder, log, { since: 'soon' })).toMatch(
      /rules\.from: must be a number or a date, got "soon"/,
    );
    expect(await refusal(folder, log, { minRating: 6 })).toMatch(
      /something must be left, got nothing after “rating at least 6”/,
    );
    expect(await refusal(folder, log, { core: 50 })).toMatch(/nothing after “core: users with at least 50/);
  });

  it('of a core: the largest set in which all have enough, whatever the data', async () => {
    const pair = fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 8 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(pair, { minLength: 30, maxLength: 90 }),
        fc.integer({ min: 2, max: 4 }),
        async (pairs, k) => {
          let left = pairs;
          for (;;) {
            const often = (place: 0 | 1, value: number): boolean =>
              left.filter((entry) => entry[place] === value).length >= k;
            const next = left.filter(([u, i]) => often(0, u) && often(1, i));
            if (next.length === left.length) break;
            left = next;
          }
          const file = folder.file('core.csv', csv(pairs.map(([u, i], at) => [`u${u}`, `i${i}`, 1, at])));
          if (left.length === 0) {
            expect(await refusal(folder, file, { core: k })).toMatch(/nothing after/);
            return;
          }
          const expected = new Map<string, string[]>();
          for (const [u, i] of left) expected.set(`u${u}`, [...(expected.get(`u${u}`) ?? []), `i${i}`]);
          const { sequences } = await prepared(folder, file, {
            core: k,
            ...(k < 3 ? { duplicates: 'keep' } : {}),
          }).catch((error: unknown) => {
            // Users with two interactions each make no domain.
            expect(String(error)).toMatch(/users with at least 3 interactions/);
            return { sequences: undefined };
          });
          if (sequences)
            expect(new Map(sequences.map(({ user, items: own }) => [user, own]))).toEqual(expected);
        },
      ),
      { numRuns: 12 },
    );
  });
});

describe('presets', () => {
  it('say what they repeat; those that follow the file say so', () => {
    for (const { description, rules } of Object.values(presets))
      expect(/shuffled rows give another domain/.test(description)).toBe(rules.ties === 'file');
  });

  it('s3rec: ratings above 0, equal times as in the file', async () => {
    const rows = ['u', 'v', 'w', 'x', 'y'].flatMap((user) =>
      ['e', 'd', 'c', 'b', 'a'].map((item) => [user, item, 1, 7]),
    );
    const file = folder.file('five.csv', csv([...rows, ['u', 'z', 0, 1], ['t', 'a', 3, 1]]));
    const { sequences, provenance } = await prepared(folder, file, { preset: 's3rec' });
    expect(sequences.map(({ items: own }) => own.join(''))).toEqual(Array(5).fill('edcba'));
    expect(provenance.order.tied).toBe(25);
    const other = await prepared(folder, file, { preset: 'unisrec' });
    expect(other.sequences.map(({ items: own }) => own.join(''))).toEqual(Array(5).fill('abcde'));
  });
});

describe('the split', () => {
  it('stands beside the sequences under its name', async () => {
    const { bytes } = await prepared(folder, log, { split: 'temporal-by-user,valid=.2,test=.2' });
    expect(bytes).toContain('{"name":"temporal-by-user","valid":0.2,"test":0.2}');
    await expect(prepared(folder, log, { split: 'temporal' })).rejects.toThrow(
      /--split must be one of leave-one-out/,
    );
    await expect(prepared(folder, log, { split: 'temporal-by-user,seed=1' })).rejects.toThrow(
      /takes settings such as/,
    );
  });
});
