import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readIndex } from './atomicIndex.ts';
import { joinRows } from './atomicRows.ts';
import { InputError } from './errors.ts';
import { IdTable } from './idTable.ts';
import { readInteractions } from './interFile.ts';
import { readItemFiles } from './itemFiles.ts';
import type { ResolvedReadOptions } from './options.ts';
import { checkSequences, idWarnings } from './sequences.ts';
import { leaveOneOut } from './split.ts';
import { readRows } from './splitFile.ts';
import type { Domain } from './types.ts';

/** The parts of an atomic directory. */
export interface AtomicFiles {
  /** What the files are called before their extension. */
  stem: string;
  /** Every file name of the directory. */
  names: ReadonlySet<string>;
}

/**
 * Finds the `.inter` files of a directory.
 *
 * @returns Undefined if there are none.
 * @throws InputError if files of several data sets lie in one directory.
 */
export async function findAtomicFiles(directory: string): Promise<AtomicFiles | undefined> {
  const names = new Set(await readdir(directory));
  const stems = new Set<string>();
  for (const name of names) {
    const match = /^(.+?)(?:\.(?:train|valid|test))?\.inter$/.exec(name);
    if (match) stems.add(match[1]!);
  }
  const [stem, ...others] = [...stems].sort();
  if (stem === undefined) return undefined;
  if (others.length > 0)
    throw new InputError(
      directory,
      undefined,
      `a directory holds the files of one data set, got ${[stem, ...others].join(', ')}`,
    );
  return { stem, names };
}

const splits = ['train', 'valid', 'test'] as const;

/** Paths of a data set's files. */
function filesOf(directory: string, { stem, names }: AtomicFiles) {
  const path = (extension: string) => join(directory, `${stem}.${extension}`);
  const optional = (extension: string) => (names.has(`${stem}.${extension}`) ? path(extension) : undefined);
  return { path, optional, missing: splits.filter((split) => !names.has(`${stem}.${split}.inter`)) };
}

/** Reads the item index that split files need. */
async function readItemIndex({ path, optional }: ReturnType<typeof filesOf>): Promise<string[]> {
  const file = optional('item2index');
  if (file !== undefined) return readIndex(file);
  throw new InputError(
    path('item2index'),
    undefined,
    'the file is missing: .train, .valid and .test.inter name items by their index, and it says which item that ' +
      'is (a line is id⇥index)',
  );
}

/** The three ready-made files: examples are joined back into sequences. */
async function readSplitFiles(
  directory: string,
  files: AtomicFiles,
  options: ResolvedReadOptions,
): Promise<Domain> {
  const found = filesOf(directory, files);
  const { path, optional, missing } = found;
  if (missing[0] !== undefined)
    throw new InputError(
      path(`${missing[0]}.inter`),
      undefined,
      `the ${missing[0]} part is missing: a ready-made split has .train, .valid and .test.inter`,
    );
  const ids = await readItemIndex(found);
  const userFile = optional('user2index');
  const userIds = userFile === undefined ? undefined : await readIndex(userFile);
  const sizes = { items: ids.length, users: userIds?.length };
  const rows = {
    train: await readRows(path('train.inter'), sizes),
    valid: await readRows(path('valid.inter'), sizes),
    test: await readRows(path('test.inter'), sizes),
  };
  const { items, warnings } = await readItemFiles(IdTable.of(ids), {
    text: optional('text'),
    item: optional('item'),
    indexed: true,
  });
  const joined = joinRows(rows, { itemCount: ids.length, userIds });
  return {
    name: options.name,
    directory,
    protocol: 'files',
    form: `atomic files ${files.stem}.{train,valid,test}.inter`,
    items,
    ...joined,
    warnings: [
      ...joined.warnings.map((warning) => `${path('*.inter')}: ${warning}`),
      ...warnings,
      ...idWarnings('item', items.ids),
      ...idWarnings('user', joined.users),
    ],
  };
}

/**
 * The items of an atomic directory in the order in which RecBole numbers them: as they first appear among the targets of
 * the train, valid and test files, then in their histories. Rows of tables in checkpoints of RecBole models have this
 * order.
 *
 * @param directory - The domain's directory.
 * @returns Item numbers, each once; Int32. Undefined where the directory has no three ready-made files.
 * @throws InputError naming file, line and value.
 */
export async function recboleOrder(directory: string): Promise<Int32Array | undefined> {
  const files = await findAtomicFiles(directory);
  if (!files) return undefined;
  const found = filesOf(directory, files);
  if (found.missing.length > 0) return undefined;
  const sizes = { items: (await readItemIndex(found)).length, users: undefined };
  const order = new Set<number>();
  const histories: number[][] = [];
  for (const split of splits)
    for (const { target, history } of await readRows(found.path(`${split}.inter`), sizes)) {
      order.add(target);
      histories.push(history);
    }
  for (const history of histories) for (const item of history) order.add(item);
  return Int32Array.from(order);
}

/** One file of single interactions (RecBole's own form): sorted by time, then split leave-one-out. */
async function readInteractionFile(
  directory: string,
  files: AtomicFiles,
  options: ResolvedReadOptions,
): Promise<Domain> {
  const { path, optional } = filesOf(directory, files);
  const file = path('inter');
  const indexFile = optional('item2index');
  const ids = indexFile === undefined ? new IdTable() : IdTable.of(await readIndex(indexFile));
  const read = await readInteractions(file, ids, indexFile);
  const { items, warnings } = await readItemFiles(ids, {
    text: optional('text'),
    item: optional('item'),
    indexed: indexFile !== undefined,
  });
  const { users, sequences } = read;
  return {
    name: options.name,
    directory,
    protocol: 'leave-one-out',
    form: `atomic file ${files.stem}.inter`,
    items,
    users,
    sequences,
    ...leaveOneOut(sequences, items.ids.length),
    warnings: [
      ...read.warnings,
      ...checkSequences(file, read, options),
      ...warnings,
      ...idWarnings('item', items.ids),
      ...idWarnings('user', users),
    ],
  };
}

/**
 * Reads a MISSRec / UniSRec / RecBole atomic directory.
 *
 * - `X.train.inter`, `X.valid.inter`, `X.test.inter` (`user_id:token⇥item_id_list:token_seq⇥item_id:token`; items
 *   are indices into `X.item2index`, users into the optional `X.user2index`), or
 * - one `X.inter` of single interactions (`user_id:token⇥item_id:token`, optionally `timestamp`; raw ids;
 *   sorted by time, ties in the file's order; `X.item2index` optional, else items are numbered as they appear);
 * - optional `X.text` and `X.item` for texts, titles and pictures.
 *
 * The rows of the three files are joined back into whole sequences, so that both forms of a domain become the same
 * in memory whatever the order of the lines.
 *
 * @param directory - The domain's directory.
 * @param files - What {@link findAtomicFiles} found there.
 * @param options - See {@link ReadOptions}.
 * @throws InputError naming file, line and value.
 */
export async function readAtomicDomain(
  directory: string,
  files: AtomicFiles,
  options: ResolvedReadOptions,
): Promise<Domain> {
  return files.names.has(`${files.stem}.inter`)
    ? readInteractionFile(directory, files, options)
    : readSplitFiles(directory, files, options);
}
