import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNpy } from '@ferry/features';
import { beforeAll } from 'vitest';
import { ownFolder } from './ferry.ts';

const U = 40;
const N = 30;

/** Items of the world, named from 0. */
export const itemCount = N;

/** A number that looks random, in [0, 1). */
const mixed = (a: number, b: number): number =>
  (Math.imul(a * 7919 + b * 104729 + 17, 0x9e3779b1) >>> 8) / 2 ** 24;

/**
 * Users of two kinds, each with 9 or 10 items of their kind and a rating of 1 to 5; users and items are whole numbers.
 */
const reviews = Array.from({ length: U }, (_, user) =>
  Array.from({ length: N / 2 }, (_, i) => 2 * i + (user % 2))
    .sort((a, b) => mixed(user, a) - mixed(user, b))
    .slice(0, 9 + (user % 2))
    .map((item) => `${user}\t${item}\t${1 + Math.floor(5 * mixed(item, user))}.0\n`),
).flat();

/** Features in Ducho's layout that tell the kind of an item. */
export function writeFeatures(path: string, width: number): void {
  mkdirSync(path, { recursive: true });
  for (let item = 0; item < N; item++) {
    const vector = Float32Array.from(
      { length: width },
      (_, j) => mixed(item, j + width) + (j % 2 === item % 2 ? 1 : 0),
    );
    writeFileSync(join(path, `${item}.npy`), encodeNpy(vector, [1, width], 'float32'));
  }
}

/** A folder of its own for a test file, with `data/office/reviews.tsv` and a place for configurations. */
export function elliotFolder(name: string): void {
  // One thread: test files run side by side.
  ownFolder(name, { FERRY_BACKEND: 'ort', FERRY_THREADS: '1' });
  beforeAll(() => {
    for (const path of ['config_files', 'data/office']) mkdirSync(path, { recursive: true });
    writeFileSync('data/office/reviews.tsv', reviews.join(''));
  });
}

/** Rows of a file of tabs. */
export const rowsOf = (file: string): string[][] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
/** Files of a folder of results by their names. */
export const performance = (pattern: RegExp, from = 'results/office/performance'): string[] =>
  readdirSync(from)
    .filter((name) => pattern.test(name))
    .map((name) => join(from, name));

/** Elliot's figures of lists, computed as its documentation has them: from the files alone. */
export function figures(lists: string, test: string, k: number): Record<string, number> {
  const rated = new Map<string, Map<string, number>>();
  for (const [user, item, rating] of rowsOf(test))
    rated.set(user!, (rated.get(user!) ?? new Map<string, number>()).set(item!, Number(rating)));
  const given = new Map<string, string[]>();
  for (const [user, item] of rowsOf(lists)) given.set(user!, [...(given.get(user!) ?? []), item!]);
  const sums = { Recall: 0, Precision: 0, nDCG: 0, HR: 0 };
  for (const [user, own] of rated) {
    const list = given.get(user)!.slice(0, k);
    const hits = list.filter((item) => own.has(item)).length;
    const gain = (rating: number): number => 2 ** (rating + 1) - 1;
    const ideal = [...own.values()].sort((a, b) => b - a).slice(0, k);
    const sum = (gains: number[]): number => gains.reduce((so, g, at) => so + g / Math.log2(at + 2), 0);
    sums.Recall += hits / own.size;
    sums.Precision += hits / k;
    sums.HR += hits > 0 ? 1 : 0;
    sums.nDCG += sum(list.map((item) => (own.has(item) ? gain(own.get(item)!) : 0))) / sum(ideal.map(gain));
  }
  return Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, value / rated.size]));
}
