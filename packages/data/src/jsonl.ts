import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { InputError, quoted } from './errors.ts';
import type { ResolvedReadOptions } from './options.ts';
import { collectSequences, type RawSequence } from './sequences.ts';
import { leaveOneOut } from './split.ts';
import type { Domain, Items } from './types.ts';

/** File names of the jsonl form. */
export const jsonlFiles = { items: 'items.jsonl', sequences: 'sequences.jsonl' } as const;

/** Calls `visit` with each JSON object of a file and its line number; blank lines are refused. */
async function eachObject(
  file: string,
  visit: (value: Record<string, unknown>, line: number) => void,
): Promise<void> {
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity });
  let line = 0;
  for await (const text of lines) {
    line++;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new InputError(
        file,
        line,
        `a line must be one JSON object, got ${quoted(text)} (${(error as Error).message})`,
      );
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new InputError(file, line, `a line must be one JSON object, got ${quoted(text)}`);
    visit(value as Record<string, unknown>, line);
  }
}

/** An id as text: ids may be written as strings or as integers. */
function idOf(value: unknown, file: string, line: number, what: string): string {
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  throw new InputError(file, line, `${what} must be a non-empty string or an integer, got ${quoted(value)}`);
}

/** An optional text field. */
function textOf(value: unknown, file: string, line: number, what: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  throw new InputError(file, line, `${what} must be a string, got ${quoted(value)}`);
}

async function readItems(file: string): Promise<{ items: Items; numbers: Map<string, number> }> {
  const items: Items = { ids: [], titles: [], texts: [], images: [] };
  const numbers = new Map<string, number>();
  const clipRows: number[] = [];
  await eachObject(file, (value, line) => {
    const id = idOf(value['id'], file, line, 'id');
    const earlier = numbers.get(id);
    if (earlier !== undefined)
      throw new InputError(
        file,
        line,
        `item ids must be unique, got ${quoted(id)} again (first on line ${earlier})`,
      );
    const title = textOf(value['title'], file, line, 'title');
    const text = textOf(value['text'], file, line, 'text');
    const clipRow = value['clipRow'] ?? -1;
    if (typeof clipRow !== 'number' || !Number.isInteger(clipRow) || clipRow < -1)
      throw new InputError(file, line, `clipRow must be a row number, got ${quoted(clipRow)}`);
    items.ids.push(id);
    items.titles.push(title ?? text ?? '');
    items.texts.push(text ?? title ?? '');
    items.images.push(textOf(value['image'], file, line, 'image'));
    clipRows.push(clipRow);
    // Blank lines are refused, so an item's line and its number (index + 1) are the same.
    numbers.set(id, line);
  });
  if (items.ids.length === 0)
    throw new InputError(file, undefined, 'a domain needs at least one item, got none');
  if (clipRows.some((row) => row >= 0)) items.clipRows = Int32Array.from(clipRows);
  return { items, numbers };
}

/** The list of times beside a list of items, or undefined if the line has none. */
function timesOf(value: unknown, count: number, file: string, line: number): number[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.length !== count)
    throw new InputError(
      file,
      line,
      `ts must list one number for each of the ${count} items, got ${Array.isArray(value) ? `${value.length} entries` : quoted(value)}`,
    );
  for (const time of value as unknown[])
    if (typeof time !== 'number' || !Number.isFinite(time))
      throw new InputError(file, line, `ts must list finite numbers, got ${quoted(time)}`);
  return value as number[];
}

/**
 * Reads the jsonl form: `items.jsonl` (`{id, title, text, image?, clipRow?}`, one item a line, in index order) and
 * `sequences.jsonl` (`{user, items, ts?}`, one user a line, oldest first; sorted by `ts` where given, ties in the
 * file's order). Other keys are ignored. A missing title is taken from the text and the other way round.
 *
 * @param directory - The domain's directory.
 * @param options - See {@link ReadOptions}.
 * @throws InputError naming file, line and value.
 */
export async function readJsonlDomain(directory: string, options: ResolvedReadOptions): Promise<Domain> {
  const { items, numbers } = await readItems(join(directory, jsonlFiles.items));
  const file = join(directory, jsonlFiles.sequences);
  const raw: RawSequence[] = [];
  const seen = new Map<string, number>();
  await eachObject(file, (value, line) => {
    const user = idOf(value['user'], file, line, 'user');
    const earlier = seen.get(user);
    if (earlier !== undefined)
      throw new InputError(
        file,
        line,
        `each user has one line, got ${quoted(user)} again (first on line ${earlier})`,
      );
    seen.set(user, line);
    const list = value['items'];
    if (!Array.isArray(list) || list.length === 0)
      throw new InputError(file, line, `items must be a non-empty list of item ids, got ${quoted(list)}`);
    const sequence = (list as unknown[]).map((entry) => {
      const id = idOf(entry, file, line, 'an entry of items');
      const number = numbers.get(id);
      if (number === undefined)
        throw new InputError(file, line, `every item must be in ${jsonlFiles.items}, got ${quoted(id)}`);
      return number;
    });
    raw.push({ user, items: sequence, times: timesOf(value['ts'], sequence.length, file, line), line });
  });
  const { users, sequences, warnings } = collectSequences(file, raw, options);
  const split = leaveOneOut(sequences, items.ids.length);
  return { name: options.name, directory, items, users, sequences, ...split, warnings };
}
