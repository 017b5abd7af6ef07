import { join } from 'node:path';
import { InputError, quoted } from './errors.ts';
import { FloatList, IntList } from './growing.ts';
import { IdTable } from './idTable.ts';
import { eachLine } from './lines.ts';
import type { ResolvedReadOptions } from './options.ts';
import { partNumbers, splitBySets } from './protocols.ts';
import { eachTsvLine } from './tsv.ts';
import type { Domain, Sequences } from './types.ts';

const parts = ['train', 'valid', 'test'] as const;
type Part = (typeof parts)[number];

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
      valid,
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

/** What the files say, line by line. */
class Interactions {
  readonly users = new IdTable();
  readonly items = new IdTable();
  readonly #users = new IntList();
  readonly #items = new IntList();
  readonly #parts = new IntList();
  readonly #lines = new IntList();
  readonly #ratings = new FloatList();

  /** Adds a line of a part. */
  add(part: Part, userId: string, itemId: string, line: number, rating: number): void {
    this.#users.push(this.users.addText(userId));
    this.#items.push(this.items.addText(itemId) + 1);
    this.#parts.push(partNumbers[part]);
    this.#lines.push(line);
    this.#ratings.push(rating);
  }

  /** Places of the lines, user by user, each user's in the order of the files. */
  #byUser(): { order: Int32Array; ends: Int32Array } {
    const users = this.#users.view();
    const ends = new Int32Array(this.users.size);
    for (const user of users) ends[user]!++;
    for (let user = 1; user < ends.length; user++) ends[user]! += ends[user - 1]!;
    const next = ends.map((_, user) => ends[user - 1] ?? 0);
    const order = new Int32Array(users.length);
    users.forEach((user, at) => (order[next[user]!++] = at));
    return { order, ends };
  }

  /**
   * The lines as sequences, each item of a user once.
   *
   * @param refuse - Called for the first line that has an item of a user in a second part.
   * @returns With the part of each item, and how many lines of each part are there twice.
   */
  sequences(refuse: (part: number, line: number, user: number, item: number) => never): {
    sequences: Sequences;
    parts: Int32Array;
    repeated: Int32Array;
  } {
    const { order, ends: all } = this.#byUser();
    const [items, parts, lines] = [this.#items.view(), this.#parts.view(), this.#lines.view()];
    const place = new Int32Array(this.items.size + 1);
    const repeated = new Int32Array(Object.keys(partNumbers).length);
    const kept = new IntList();
    let [start, wrong] = [0, Infinity];
    const ends = all.map((end) => {
      const first = kept.length;
      for (const at of order.subarray(start, end)) {
        // Where the item is among those that were kept; of this user if it is not before the user's first.
        const earlier = place[items[at]!]! - 1;
        if (earlier < first) {
          kept.push(at);
          place[items[at]!] = kept.length;
        } else if (parts[kept.at(earlier)] === parts[at]) repeated[parts[at]!]!++;
        else wrong = Math.min(wrong, at);
      }
      start = end;
      return kept.length;
    });
    if (wrong < Infinity) refuse(parts[wrong]!, lines[wrong]!, this.#users.at(wrong), items[wrong]! - 1);
    const places = kept.view();
    const ratings = Float32Array.from(places, (at) => this.#ratings.at(at));
    return {
      sequences: {
        items: places.map((at) => items[at]!),
        starts: ends.map((_, user) => ends[user - 1] ?? 0),
        ends,
        ...(ratings.every(Number.isFinite) && { ratings }),
      },
      parts: places.map((at) => parts[at]!),
      repeated,
    };
  }
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
  const read = files.lines === 'user' ? readUserLines : readPairs;
  const all = new Interactions();
  const added = { train: 0, valid: 0, test: 0 };
  const named = parts.filter((part) => files[part] !== undefined);
  const fileOf = (part: Part): string => join(directory, files[part]!);
  for (const part of named) {
    const before = all.users.size;
    await read(fileOf(part), (user, item, line, rating) => {
      all.add(part, user, item, line, rating);
    });
    added[part] = all.users.size - before;
  }
  const [users, ids] = [all.users.texts(), all.items.texts()];
  const found = all.sequences((part, line, user, item) => {
    throw new InputError(
      fileOf(named.find((own) => partNumbers[own] === part)!),
      line,
      `an item of a user must be in one part, got ${quoted(ids[item]!)} of ${quoted(users[user]!)} in two`,
    );
  });
  const warnings = named.flatMap((part) => {
    const repeated = found.repeated[partNumbers[part]]!;
    return [
      ...(repeated > 0 ? [`${fileOf(part)}: ${repeated} interactions are there twice and count once`] : []),
      ...(part !== 'train' && added[part] > 0
        ? [`${fileOf(part)}: ${added[part]} users have no training interactions`]
        : []),
    ];
  });
  const blank = ids.map(() => '');
  const domain = {
    name: options.name,
    directory,
    form:
      `${[files.train, files.valid, files.test].filter((name) => name !== undefined).join(', ')}: a ready-made ` +
      'split, in no order',
    unordered: true as const,
    items: { ids, titles: blank, texts: blank, images: ids.map(() => undefined) },
    users,
    sequences: found.sequences,
    warnings,
  };
  const { starts, ends } = found.sequences;
  const split = splitBySets(domain, (user) => found.parts.subarray(starts[user], ends[user]));
  if (split.test.targets.length === 0)
    throw new InputError(
      join(directory, files.test),
      undefined,
      'the test part must hold an interaction, got none',
    );
  return { ...domain, ...split, protocol: 'files' };
}
