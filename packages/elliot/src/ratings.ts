import { writeFile } from 'node:fs/promises';
import { eachTsvLine, InputError, quoted } from '@ferry/data';

/** Rows of a file of ratings, in the file's order. Letters: R rows. */
export interface Ratings {
  /** Raw user id of each row; [R]. */
  readonly users: readonly string[];
  /** Raw item id of each row; [R]. */
  readonly items: readonly string[];
  /** [R]; 1 each where the file has none. */
  readonly ratings: Float64Array;
  /** [R], in the data's own unit; absent if the file has none. */
  readonly times?: Float64Array;
}

/** A number of a cell, or an error that says which. */
function numberOf(file: string, line: number, name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value))
    throw new InputError(file, line, `${name} must be a number, got ${quoted(text)}`);
  return value;
}

/**
 * Reads a file of Elliot's form: tab-separated user, item, rating and time without a header; the last two may be missing.
 *
 * @throws InputError naming file, line and value.
 */
export async function readRatings(file: string): Promise<Ratings> {
  const users: string[] = [];
  const items: string[] = [];
  const ratings: number[] = [];
  const times: number[] = [];
  let columns = 0;
  await eachTsvLine(file, (cells, line) => {
    columns ||= cells.count;
    if (cells.count !== columns || columns < 2 || columns > 4)
      throw new InputError(
        file,
        line,
        'a line must be user, item, rating, time, the same number of them (2 to 4) on every line and tabs ' +
          `between them, got ${cells.count} columns`,
      );
    for (const [cell, name] of ['the user', 'the item'].entries())
      if (cells.blank(cell)) throw new InputError(file, line, `${name} must not be empty`);
    users.push(cells.text(0));
    items.push(cells.text(1));
    ratings.push(columns > 2 ? numberOf(file, line, 'the rating', cells.text(2)) : 1);
    if (columns > 3) times.push(numberOf(file, line, 'the time', cells.text(3)));
  });
  if (users.length === 0) throw new InputError(file, undefined, 'ratings need at least one row, got none');
  return {
    users,
    items,
    ratings: Float64Array.from(ratings),
    ...(columns > 3 && { times: Float64Array.from(times) }),
  };
}

/** Writes rows in the form that {@link readRatings} reads and pandas writes: ratings with a decimal point. */
export async function writeRatings(file: string, { users, items, ratings, times }: Ratings): Promise<void> {
  const decimal = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));
  const lines = users.map((user, r) =>
    [user, items[r]!, decimal(ratings[r]!), ...(times ? [String(times[r]!)] : [])].join('\t'),
  );
  await writeFile(file, lines.map((line) => `${line}\n`).join(''));
}

/** Some of the rows, in the order of their numbers. */
export function pickRatings({ users, items, ratings, times }: Ratings, rows: readonly number[]): Ratings {
  return {
    users: rows.map((row) => users[row]!),
    items: rows.map((row) => items[row]!),
    ratings: Float64Array.from(rows, (row) => ratings[row]!),
    ...(times && { times: Float64Array.from(rows, (row) => times[row]!) }),
  };
}

/** The rows of each id, ids in pandas's order: by size if all are whole numbers, else by their characters. */
export function groupRows(ids: readonly string[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  ids.forEach((id, row) => {
    const group = groups.get(id);
    if (group) group.push(row);
    else groups.set(id, [row]);
  });
  const names = [...groups.keys()];
  const numeric = names.every((name) => /^-?\d{1,15}$/.test(name));
  names.sort(numeric ? (a, b) => Number(a) - Number(b) : byCodePoint);
  return new Map(names.map((name) => [name, groups.get(name)!]));
}

/**
 * Python's order of strings, which is that of their UTF-8; JavaScript's own compares halves of characters beyond
 * U+FFFF.
 */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
