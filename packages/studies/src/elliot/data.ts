import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, readDomain } from '@ferry/data';
import {
  elliotFolds,
  writeRatings,
  type ElliotConfig,
  type ElliotFold,
  type ElliotModality,
} from '@ferry/elliot';
import { encodeNpy, readVectorFolder, vectorIds } from '@ferry/features';
import { UserError } from '@ferry/recipes';
import { counted } from '../words.ts';

/** A fold of a configuration as a domain on disk. */
export interface FoldDomain {
  /** Fold of the test. */
  readonly test: number;
  /** Fold of the validation within it. */
  readonly validation: number;
  /** The domain's directory. */
  readonly directory: string;
  /** Whether it has a validation part. */
  readonly validated: boolean;
  /** Training interactions. */
  readonly transactions: number;
  /** Users with training interactions. */
  readonly users: number;
}

const modalities = ['image', 'text'] as const satisfies readonly ElliotModality[];

/** Items that have a vector of every modality, or all items where there are no features. */
async function itemsWithFeatures({ features }: ElliotConfig): Promise<Set<string> | undefined> {
  let known: Set<string> | undefined;
  for (const modality of modalities) {
    const folder = features[modality];
    if (folder === undefined) continue;
    const ids = new Set(await vectorIds(folder));
    known = known ? new Set([...known].filter((id) => ids.has(id))) : ids;
  }
  return known;
}

/** Writes a fold as the ready-made split that `readDomain` reads, with the features of its items. */
async function writeFold(
  fold: ElliotFold,
  directory: string,
  { features }: ElliotConfig,
): Promise<FoldDomain> {
  const { train, valid, test } = fold.parts;
  for (const [name, rows] of Object.entries({ training: train, validation: valid, test }))
    if (rows && rows.users.length === 0)
      throw new UserError(
        `the ${name} part of fold ${fold.test} must have rows, got none: see the splitting and the prefiltering`,
      );
  makeDirectory(directory);
  await writeRatings(join(directory, 'train.tsv'), train);
  if (valid) await writeRatings(join(directory, 'val.tsv'), valid);
  else await rm(join(directory, 'val.tsv'), { force: true });
  await writeRatings(join(directory, 'test.tsv'), test);
  const { items } = await readDomain(directory);
  for (const modality of modalities) {
    const file = join(directory, `${modality}.npy`);
    const folder = features[modality];
    if (folder === undefined) {
      await rm(file, { force: true });
      continue;
    }
    const { data, width } = await readVectorFolder(folder, items.ids);
    await writeFile(file, encodeNpy(data, [items.ids.length, width], 'float32'));
  }
  return {
    ...{ test: fold.test, validation: fold.validation, directory, validated: valid !== undefined },
    ...{ transactions: train.users.length, users: new Set(train.users).size },
  };
}

/**
 * Filters and splits the data of a configuration and writes every fold as a domain, `<root>/<test fold>-<validation
 * fold>`; a resumed experiment writes the same again.
 *
 * @param say - Told what was read and left out.
 */
export async function writeFolds(
  config: ElliotConfig,
  root: string,
  say: (line: string) => void,
): Promise<FoldDomain[]> {
  const { data } = config;
  const files = {
    dataset: data.strategy === 'dataset' ? [data.file] : [],
    fixed: data.strategy === 'fixed' ? [data.train, data.validation, data.test] : [],
    hierarchy: data.strategy === 'hierarchy' ? [data.root] : [],
  };
  for (const file of [...Object.values(files).flat(), ...Object.values(config.features)])
    if (file !== undefined && !existsSync(file))
      throw new UserError(`${config.file} names ${file}, which is not there`);
  const known = await itemsWithFeatures(config);
  const without = new Set<string>();
  const folds = await elliotFolds(config, (item) => {
    if (!known || known.has(item)) return true;
    without.add(item);
    return false;
  });
  if (without.size > 0)
    say(
      `  ${counted(without.size, 'item')} without features ${without.size === 1 ? 'is' : 'are'} left out with ` +
        'all rows, as Elliot does',
    );
  const written: FoldDomain[] = [];
  for (const fold of folds)
    written.push(await writeFold(fold, join(root, `${fold.test}-${fold.validation}`), config));
  return written;
}
