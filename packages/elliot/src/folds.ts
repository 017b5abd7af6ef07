import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, makeDirectory, NumpyRandom } from '@ferry/data';
import type { ElliotConfig, ElliotData } from './config/read.ts';
import { filterRatings } from './filters.ts';
import { pickRatings, readRatings, writeRatings, type Ratings } from './ratings.ts';
import { splitRatings } from './splits.ts';

/** One way of taking the rows apart: a test part, and a training and a validation part of the rest. */
export interface ElliotFold {
  /** Fold of the test, from 0. */
  readonly test: number;
  /** Fold of the validation within it, from 0. */
  readonly validation: number;
  /** Rows by part; without a validation part there is none. */
  readonly parts: { readonly train: Ratings; readonly valid?: Ratings; readonly test: Ratings };
}

type Side = (data: Ratings) => Ratings;

/** Names of sub-folders, numbers in their order. */
function folders(folder: string): string[] {
  if (!existsSync(folder))
    throw new InputError(folder, undefined, 'there must be a folder of folds, got none');
  const found = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return found.map(({ name }) => name).sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1));
}

async function hierarchyFolds(root: string, keep: Side): Promise<ElliotFold[]> {
  const found: ElliotFold[] = [];
  for (const [t, name] of folders(root).entries()) {
    const folder = join(root, name);
    const test = keep(await readRatings(join(folder, 'test.tsv')));
    const inner = folders(folder);
    for (const [v, own] of inner.entries()) {
      const train = keep(await readRatings(join(folder, own, 'train.tsv')));
      const valid = keep(await readRatings(join(folder, own, 'val.tsv')));
      found.push({ test: t, validation: v, parts: { train, valid, test } });
    }
    if (inner.length === 0)
      found.push({
        test: t,
        validation: 0,
        parts: { train: keep(await readRatings(join(folder, 'train.tsv'))), test },
      });
  }
  if (found.length === 0)
    throw new InputError(root, undefined, 'there must be a folder of each fold, got none');
  return found;
}

/** Writes a split where Elliot writes it: `<fold>/test.tsv`, `<fold>/<fold>/train.tsv` and `val.tsv`. */
async function saveFolds(folder: string, folds: readonly ElliotFold[]): Promise<void> {
  for (const { test, validation, parts } of folds) {
    const outer = join(folder, String(test));
    const inner = parts.valid ? join(outer, String(validation)) : outer;
    makeDirectory(inner);
    await writeRatings(join(outer, 'test.tsv'), parts.test);
    await writeRatings(join(inner, 'train.tsv'), parts.train);
    if (parts.valid) await writeRatings(join(inner, 'val.tsv'), parts.valid);
  }
}

async function datasetFolds(
  { file, filters, test, validation, saveFolder }: Extract<ElliotData, { strategy: 'dataset' }>,
  { seed, keep, binary }: { seed: number; keep: Side; binary: Side },
): Promise<ElliotFold[]> {
  const random = new NumpyRandom(seed);
  const rows = binary(filters.reduce(filterRatings, keep(await readRatings(file))));
  // All tests are split off before the first validation, so that numpy's numbers are drawn in Elliot's order.
  const outer = splitRatings(rows, test, random);
  const folds = outer.flatMap((parts, t): ElliotFold[] =>
    validation
      ? splitRatings(parts.train, validation, random).map((inner, v) => ({
          test: t,
          validation: v,
          parts: { train: inner.train, valid: inner.test, test: parts.test },
        }))
      : [{ test: t, validation: 0, parts }],
  );
  if (saveFolder !== undefined) await saveFolds(saveFolder, folds);
  return folds;
}

/**
 * The rows of a configuration, filtered and split as Elliot does it with its seed.
 *
 * @param known - Whether an item has all the side information that the configuration names; the rows of others are left
 *   out first, as Elliot leaves them out.
 */
export async function elliotFolds(
  { data, binarize, seed }: Pick<ElliotConfig, 'data' | 'binarize' | 'seed'>,
  known: (item: string) => boolean = () => true,
): Promise<ElliotFold[]> {
  const binary: Side = (rows) => (binarize ? { ...rows, ratings: rows.ratings.map(() => 1) } : rows);
  const keep: Side = (rows) => {
    const kept = rows.items.flatMap((item, r) => (known(item) ? [r] : []));
    return kept.length === rows.items.length ? rows : pickRatings(rows, kept);
  };
  const both: Side = (rows) => binary(keep(rows));
  switch (data.strategy) {
    case 'dataset':
      return datasetFolds(data, { seed, keep, binary });
    case 'hierarchy':
      return hierarchyFolds(data.root, both);
    case 'fixed': {
      const [train, test] = [both(await readRatings(data.train)), both(await readRatings(data.test))];
      const valid = data.validation === undefined ? {} : { valid: both(await readRatings(data.validation)) };
      return [{ test: 0, validation: 0, parts: { train, test, ...valid } }];
    }
  }
}
