import { join } from 'node:path';
import { InputError, quoted } from './errors.ts';
import { IntList } from './growing.ts';
import { IdTable } from './idTable.ts';
import { eachLine } from './lines.ts';
import type { ResolvedReadOptions } from './options.ts';
import { partNumbers, splitBySets } from './protocols.ts';
import { eachTsvLine } from './tsv.ts';
import type { Domain } from './types.ts';

/** Files that hold the parts of a ready-made split without an order, by part. */
interface PartFiles {
  readonly train: string;
  readonly valid?: string;
  readonly test: string;
  /** Whether a line is a user with all items (LightGCN) or one interaction (Elliot). */
  readonly lines: 'user' | 'interaction';
}

/**
 * The files of a directory, if it holds such a split: `train.tsv`, `val.tsv` (or `valid.tsv`), `test.tsv`; or
 * `train.txt`, `test.txt`.
 */
export function findPartFiles(names: readonly string[]): PartFiles | undefined {
  if (names.includes('train.tsv') && names.includes('test.tsv')) {
    const valid = ['val.tsv', 'valid.tsv', 'validation.tsv'].find((name) => names.includes(name));
    return {
      train: 'train.tsv',
      test: 'test.tsv',
      lines: 'interaction',
      ...(valid !== undefined && { valid }),
    };
  }
  if (names.includes('train.txt') && names.includes('test.txt'))
    return { train: 'train.txt', test: 'test.txt', lines: 'user' };
  return undefined;
}

/** Takes an interaction; `rating` is NaN where the file has none. */
type Add = (user: string, item: string, line: number, rating: number) => void;

/** Reads a file of interactions, `user item rating …` and what follows, without a header. */
async function readPairs(file: string, add: Add): Promise<void> {
  await eachTsvLine(file, (cells, line) => {
    if (cells.count < 2 || cells.blank(0) || cells.blank(1))
      throw new InputError(
        file,
        line,
        `a line must begin with a user and an item, tabs between, got ${quoted(cells.texts().join('\t'))}`,
      );
    const rating = cells.count > 2 && !cells.blank(2) ? Number(cells.text(2)) : NaN;
    add(cells.text(0), cells.text(1), line, rating);
  });
}

/** Reads a file whose lines are a user and all the user's items, blanks between. */
async function readUserLines(file: string, add: Add): Promise<void> {
  await eachLine(file, (bytes, start, end, line) => {
    const [user, ...items] = bytes.toString('utf8', start, end).trim().split(/\s+/);
    for (const item of items) add(user!, item, line, NaN);
  });
}

/**
 * Reads a ready-made split without an order, for user-item models: Elliot's `train.tsv`, `val.tsv` and `test.tsv`
 * (user, item, and what follows, without a header; a validation part may be missing) or LightGCN's `train.txt` and
 * `test.txt` (a line is a user and all the user's items). Users and items are numbered as they appear, training first.
 * An item twice in one part of a user counts once.
 *
 * @param directory - Where the files are.
 * @throws InputError naming file, line and value; for an item of a user in two parts too.
 */
export async function readPartFiles(
  directory: string,
  files: PartFiles,
  options: ResolvedReadOptions,
): Promise<Domain> {
  const users = new IdTable();
  const items = new IdTable();
  const rows: { items: IntList; parts: IntList; ratings: number[]; seen: Map<number, number> }[] = [];
  const warnings: string[] = [];
  for (const part of ['train', 'valid', 'test'] as const) {
    const name = files[part];
    if (name === undefined) continue;
    const file = join(directory, name);
    const before = users.size;
    let repeated = 0;
    const read = files.lines === 'user' ? readUserLines : readPairs;
    await read(file, (userId, itemId, line, rating) => {
      const user = users.addText(userId);
      const item = items.addText(itemId) + 1;
      const own = (rows[user] ??= {
        items: new IntList(),
        parts: new IntList(),
        ratings: [],
        seen: new Map(),
      });
      const earlier = own.seen.get(item);
      if (earlier === partNumbers[part]) repeated++;
      else if (earlier !== undefined)
        throw new InputError(
          file,
          line,
          `an item of a user must be in one part, got ${quoted(itemId)} of ${quoted(userId)} in two`,
        );
      else {
        own.seen.set(item, partNumbers[part]);
        own.items.push(item);
        own.parts.push(partNumbers[part]);
        own.ratings.push(rating);
      }
    });
    if (repeated > 0) warnings.push(`${file}: ${repeated} interactions are there twice and count once`);
    if (part !== 'train' && users.size > before)
      warnings.push(`${file}: ${users.size - before} users have no training interactions`);
  }
  const ratings = rows.flatMap((own) => own.ratings);
  const ends = new Int32Array(rows.length);
  rows.forEach((own, user) => (ends[user] = (ends[user - 1] ?? 0) + own.items.length));
  const sequences = {
    items: Int32Array.from(rows.flatMap((own) => [...own.items.view()])),
    starts: ends.map((_, user) => ends[user - 1] ?? 0),
    ends,
    ...(ratings.every(Number.isFinite) && { ratings: Float32Array.from(ratings) }),
  };
  const ids = items.texts();
  const blank = ids.map(() => '');
  const domain = {
    name: options.name,
    directory,
    form:
      `${[files.train, files.valid, files.test].filter((name) => name !== undefined).join(', ')}: a ready-made ` +
      'split, in no order',
    unordered: true as const,
    items: { ids, titles: blank, texts: blank, images: ids.map(() => undefined) },
    users: users.texts(),
    sequences,
    warnings,
  };
  const split = splitBySets(domain, (user) => rows[user]!.parts.view());
  if (split.test.targets.length === 0)
    throw new InputError(
      join(directory, files.test),
      undefined,
      'the test part must hold an interaction, got none',
    );
  return { ...domain, ...split, protocol: 'files' };
}
