import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { NumpyRandom } from '@ferry/data';
import {
  filterRatings,
  readRatings,
  splitRatings,
  writeRatings,
  type Filter,
  type Ratings,
  type Splitting,
} from '@ferry/elliot';
import { describe, expect, it } from 'vitest';

const root = process.env['FERRY_DATA'] ?? resolve(import.meta.dirname, '../../../../shared/data');
const office = join(root, 'amazon-office-vbpr');

/** A split that tools/parity/numpy_random.py made. */
const made = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/split.json'), 'utf8')) as {
  seed: number;
  users: string[];
  test: number[];
  valid: number[];
};

const table = (rows: [user: string, item: string, rating: number, time?: number][]): Ratings => ({
  users: rows.map(([user]) => user),
  items: rows.map(([, item]) => item),
  ratings: Float64Array.from(rows, ([, , rating]) => rating),
  ...(rows[0]![3] !== undefined && { times: Float64Array.from(rows, ([, , , time]) => time!) }),
});
const of = (users: string[]): Ratings => table(users.map((user, r) => [user, `i${r}`, 1]));
const split = (data: Ratings, splitting: Splitting, seed = 42) =>
  splitRatings(data, splitting, new NumpyRandom(seed));

describe('splits of Elliot', () => {
  it('gives the rows that numpy gives, validation after test', () => {
    const random = new NumpyRandom(made.seed);
    const data = of(made.users);
    const [first] = splitRatings(data, { strategy: 'random_subsampling', test_ratio: 0.2 }, random);
    const marked = (all: Ratings, part: Ratings): number[] =>
      all.items.map((item) => Number(part.items.includes(item)));
    expect(marked(data, first!.test)).toEqual(made.test);
    const [second] = splitRatings(first!.train, { strategy: 'random_subsampling', test_ratio: 0.1 }, random);
    expect(marked(first!.train, second!.test)).toEqual(made.valid);
  });

  it.skipIf(!existsSync(office))(
    'gives train.tsv, val.tsv and test.tsv of the Office data row for row (needs FERRY_DATA)',
    async () => {
      const random = new NumpyRandom(42);
      const data = await readRatings(join(office, 'reviews.tsv'));
      const [outer] = splitRatings(data, { strategy: 'random_subsampling', test_ratio: 0.2 }, random);
      const [inner] = splitRatings(outer!.train, { strategy: 'random_subsampling', test_ratio: 0.1 }, random);
      const folder = mkdtempSync(join(tmpdir(), 'ferry-elliot-'));
      const parts = { train: inner!.train, val: inner!.test, test: outer!.test };
      for (const [name, part] of Object.entries(parts)) {
        const file = join(folder, `${name}.tsv`);
        await writeRatings(file, part);
        expect(readFileSync(file, 'utf8') === readFileSync(join(office, `${name}.tsv`), 'utf8'), name).toBe(
          true,
        );
      }
      rmSync(folder, { recursive: true });
    },
  );

  const timed = table([
    ['b', 'x', 1, 5],
    ['a', 'x', 1, 3],
    ['b', 'y', 1, 1],
    ['b', 'z', 1, 5],
    ['a', 'y', 1, 2],
    ['b', 'w', 1, 2],
    ['a', 'z', 1, 9],
  ]);
  const tests = (splitting: Splitting): string[] =>
    split(timed, splitting).map(({ test }) => test.users.map((user, r) => user + test.items[r]!).join(' '));

  it('splits by time, equal times in the order of the file', () => {
    expect(tests({ strategy: 'temporal_hold_out', test_ratio: 0.5 })).toEqual(['bx ax bz az']);
    expect(tests({ strategy: 'temporal_hold_out', leave_n_out: 1 })).toEqual(['bx az']);
    expect(tests({ strategy: 'fixed_timestamp', timestamp: 5 })).toEqual(['bx bz az']);
  });

  it('finds the time that leaves most users rows on both sides', () => {
    // a: 3; b: 2 and 5. With one row on each side, 3 and 2 and 5 have a vote each: the latest.
    expect(tests({ strategy: 'fixed_timestamp', timestamp: 'best' })).toEqual(['bx bz az']);
    expect(() => split(timed, { strategy: 'fixed_timestamp', timestamp: 'best', min_below: 9 })).toThrow(
      /min_below/,
    );
  });

  it('deals rows to folds in the order of the file', () => {
    expect(tests({ strategy: 'random_cross_validation', folds: 3 })).toEqual(['bx ax bw', 'by ay', 'bz az']);
  });

  it('takes exactly n rows of each user at random, and each fold anew', () => {
    const folds = split(of(made.users), { strategy: 'random_subsampling', leave_n_out: 2, folds: 2 });
    expect(folds).toHaveLength(2);
    for (const { test } of folds)
      for (const user of new Set(made.users))
        expect(test.users.filter((own) => own === user)).toHaveLength(2);
    expect(folds[0]!.test.items).not.toEqual(folds[1]!.test.items);
    expect(() => split(of(['a']), { strategy: 'random_subsampling', leave_n_out: 2 })).toThrow(
      'got 2 for a with 1',
    );
  });

  it('needs times for splits by time', () => {
    expect(() => split(of(['a']), { strategy: 'temporal_hold_out', test_ratio: 0.2 })).toThrow(
      'needs a time',
    );
  });

  it('takes users in the order of numbers where all are numbers', () => {
    const numbers = split(of(['10', '9', '10', '9']), { strategy: 'random_subsampling', leave_n_out: 1 });
    const letters = split(of(['b', 'a', 'b', 'a']), { strategy: 'random_subsampling', leave_n_out: 1 });
    expect(numbers[0]!.test.items).toEqual(letters[0]!.test.items);
  });
});

describe('filters of Elliot', () => {
  const data = table([
    ['a', 'x', 5],
    ['a', 'y', 1],
    ['b', 'x', 3],
    ['b', 'z', 4],
    ['c', 'x', 2],
  ]);
  it.each<[Filter, string]>([
    [{ strategy: 'global_threshold', threshold: 3 }, 'ax bx bz'],
    [{ strategy: 'global_threshold', threshold: 'average' }, 'ax bx bz'],
    [{ strategy: 'user_average' }, 'ax bz cx'],
    [{ strategy: 'user_k_core', core: 2 }, 'ax ay bx bz'],
    [{ strategy: 'item_k_core', core: 2 }, 'ax bx cx'],
    [{ strategy: 'iterative_k_core', core: 2 }, ''],
    [{ strategy: 'n_rounds_k_core', core: 2, rounds: 1 }, 'ax bx'],
    [{ strategy: 'cold_users', threshold: 1 }, 'cx'],
  ])('%j', (filter, left) => {
    const { users, items } = filterRatings(data, filter);
    expect(users.map((user, r) => user + items[r]!).join(' ')).toBe(left);
  });
});

describe('readRatings', () => {
  it.each([
    ['a\tx\t1\na\ty', ':2: a line must be'],
    ['a\tx\thigh', ':1: the rating must be a number, got "high"'],
    ['a\t \t1', ':1: the item must not be empty'],
    ['a\tx\t1\t', ':1: the time must be a number'],
    ['', 'at least one row'],
  ])('refuses %j', async (text, message) => {
    const folder = mkdtempSync(join(tmpdir(), 'ferry-elliot-'));
    writeFileSync(join(folder, 'r.tsv'), text);
    await expect(readRatings(join(folder, 'r.tsv'))).rejects.toThrow(message);
    rmSync(folder, { recursive: true });
  });
});
