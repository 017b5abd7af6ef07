import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseIndex, positions, readIndex, readItemDetails } from './atomicIndex.ts';
import { joinRows, type AtomicRow } from './atomicRows.ts';
import { InputError, quoted } from './errors.ts';
import type { ResolvedReadOptions } from './options.ts';
import { collectSequences, type RawSequence } from './sequences.ts';
import { leaveOneOut } from './split.ts';
import { eachTypedLine } from './tsv.ts';
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

/** Reads one `.inter` file of ready-made examples. */
async function readRows(
  file: string,
  itemCount: number,
  users: ReadonlyMap<string, number> | undefined,
): Promise<AtomicRow[]> {
  const rows: AtomicRow[] = [];
  const item = (text: string, line: number, what: string): number => {
    const index = parseIndex(text, file, line, what);
    if (index >= itemCount)
      throw new InputError(
        file,
        line,
        `every item must be in the item index (0..${itemCount - 1}), got ${index}`,
      );
    return index + 1;
  };
  await eachTypedLine(
    file,
    { user_id: 'token', item_id_list: 'token_seq', item_id: 'token' },
    (columns, cells, line) => {
      const user = cells[columns.find('user_id')!]!;
      if (user === '') throw new InputError(file, line, 'user_id must not be empty');
      if (users) {
        const index = parseIndex(user, file, line, 'user_id');
        if (index >= users.size)
          throw new InputError(
            file,
            line,
            `every user must be in the user index (0..${users.size - 1}), got ${index}`,
          );
      }
      const list = cells[columns.find('item_id_list')!]!.trim();
      if (list === '')
        throw new InputError(file, line, `a history needs at least one item, got none for user ${user}`);
      rows.push({
        user,
        history: list.split(/ +/).map((text) => item(text, line, 'an entry of item_id_list')),
        target: item(cells[columns.find('item_id')!]!, line, 'item_id'),
      });
    },
  );
  return rows;
}

/** The three ready-made files: examples are joined back into sequences. */
async function readSplitFiles(
  directory: string,
  { stem, names }: AtomicFiles,
  options: ResolvedReadOptions,
): Promise<Domain> {
  const path = (extension: string) => join(directory, `${stem}.${extension}`);
  const optional = (extension: string) => (names.has(`${stem}.${extension}`) ? path(extension) : undefined);
  for (const split of splits)
    if (!names.has(`${stem}.${split}.inter`))
      throw new InputError(path(`${split}.inter`), undefined, `the ${split} part is missing`);
  const ids = await readIndex(path('item2index'));
  const userFile = optional('user2index');
  const userIds = userFile === undefined ? undefined : await readIndex(userFile);
  const known = userIds && positions(userIds);
  const [train, valid, test] = [
    await readRows(path('train.inter'), ids.length, known),
    await readRows(path('valid.inter'), ids.length, known),
    await readRows(path('test.inter'), ids.length, known),
  ];
  const items = await readItemDetails(ids, { text: optional('text'), item: optional('item') });
  const joined = joinRows({ train, valid, test }, { itemCount: ids.length, userIds });
  return {
    name: options.name,
    directory,
    items,
    ...joined,
    warnings: joined.warnings.map((warning) => `${path('*.inter')}: ${warning}`),
  };
}

/**
 * The items of an atomic directory in the order in which RecBole numbers them: as they first appear among the targets of
 * the train, valid and test files, then in their histories. Rows of tables in checkpoints of RecBole models have this order.
 *
 * @param directory - The domain's directory.
 * @returns Item numbers, each once; Int32. Undefined where the directory has no three ready-made files.
 * @throws InputError naming file, line and value.
 */
export async function recboleOrder(directory: string): Promise<Int32Array | undefined> {
  const files = await findAtomicFiles(directory);
  if (!files || splits.some((split) => !files.names.has(`${files.stem}.${split}.inter`))) return undefined;
  const path = (extension: string) => join(directory, `${files.stem}.${extension}`);
  const { length } = await readIndex(path('item2index'));
  const rows: AtomicRow[] = [];
  for (const split of splits) rows.push(...(await readRows(path(`${split}.inter`), length, undefined)));
  return Int32Array.from(
    new Set([...rows.map(({ target }) => target), ...rows.flatMap(({ history }) => history)]),
  );
}

/** One file of single interactions (RecBole's own form): sorted by time, then split leave-one-out. */
async function readInteractionFile(
  directory: string,
  { stem, names }: AtomicFiles,
  options: ResolvedReadOptions,
): Promise<Domain> {
  const file = join(directory, `${stem}.inter`);
  const optional = (extension: string) =>
    names.has(`${stem}.${extension}`) ? join(directory, `${stem}.${extension}`) : undefined;
  const indexFile = optional('item2index');
  const ids = indexFile === undefined ? [] : await readIndex(indexFile);
  const numbers = positions(ids);
  const byUser = new Map<string, RawSequence>();
  await eachTypedLine(file, { user_id: 'token', item_id: 'token' }, (columns, cells, line) => {
    const user = cells[columns.find('user_id')!]!;
    const id = cells[columns.find('item_id')!]!;
    if (user === '' || id === '')
      throw new InputError(
        file,
        line,
        `user_id and item_id must not be empty, got ${quoted(cells.join('\t'))}`,
      );
    let index = numbers.get(id);
    if (index === undefined) {
      if (indexFile !== undefined)
        throw new InputError(file, line, `every item must be in ${indexFile}, got ${quoted(id)}`);
      index = ids.length;
      ids.push(id);
      numbers.set(id, index);
    }
    const at = columns.find('timestamp');
    const time = at === undefined ? undefined : Number(cells[at]);
    if (time !== undefined && (cells[at!] === '' || !Number.isFinite(time)))
      throw new InputError(file, line, `timestamp must be a number, got ${quoted(cells[at!])}`);
    let sequence = byUser.get(user);
    if (!sequence) {
      sequence = { user, items: [], times: at === undefined ? undefined : [], line };
      byUser.set(user, sequence);
    }
    sequence.items.push(index + 1);
    if (time !== undefined) sequence.times!.push(time);
  });
  const items = await readItemDetails(ids, { text: optional('text'), item: optional('item') });
  const { users, sequences, warnings } = collectSequences(file, [...byUser.values()], options);
  const split = leaveOneOut(sequences, ids.length);
  return { name: options.name, directory, items, users, sequences, ...split, warnings };
}

/**
 * Reads a MISSRec / UniSRec / RecBole atomic directory.
 *
 * - `X.train.inter`, `X.valid.inter`, `X.test.inter` (`user_id:token⇥item_id_list:token_seq⇥item_id:token`; items
 *   are indices into `X.item2index`, users into the optional `X.user2index`), or
 * - one `X.inter` of single interactions (`user_id:token⇥item_id:token`, optionally `timestamp:float`; raw ids;
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
