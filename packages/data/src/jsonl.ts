import { join } from 'node:path';
import { InputError, quoted } from './errors.ts';
import { FloatList, IntList } from './growing.ts';
import { eachLine } from './lines.ts';
import type { ResolvedReadOptions } from './options.ts';
import { checkSequences, idWarnings, sortByTime, type ReadSequences } from './sequences.ts';
import { leaveOneOut } from './split.ts';
import type { Domain, Items } from './types.ts';

/** File names of the jsonl form. */
export const jsonlFiles = { items: 'items.jsonl', sequences: 'sequences.jsonl' } as const;

/** Calls `visit` with each JSON object of a file and its line number; blank lines are passed over. */
async function eachObject(
  file: string,
  visit: (value: Record<string, unknown>, line: number) => void,
): Promise<void> {
  await eachLine(file, (bytes, start, end, line) => {
    const text = bytes.toString('utf8', start, end);
    if (text.trim() === '') return;
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
  });
}

/** An id as text: ids may be written as strings or as integers. */
function idOf(value: unknown, file: string, line: number, what: string): string {
  if (typeof value === 'string' && value.trim() !== '') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  const hint =
    typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER ? ': write it as a string' : '';
  throw new InputError(
    file,
    line,
    `${what} must be a non-empty string or an integer, got ${quoted(value)}${hint}`,
  );
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
  const lines = new IntList();
  const clipRows = new IntList();
  await eachObject(file, (value, line) => {
    const id = idOf(value['id'], file, line, 'id');
    const earlier = numbers.get(id);
    if (earlier !== undefined)
      throw new InputError(
        file,
        line,
        `item ids must be unique, got ${quoted(id)} again (first on line ${lines.at(earlier - 1)})`,
      );
    const title = textOf(value['title'], file, line, 'title') ?? '';
    const text = textOf(value['text'], file, line, 'text') ?? '';
    const image = textOf(value['image'], file, line, 'image') ?? '';
    const clipRow = value['clipRow'] ?? -1;
    if (typeof clipRow !== 'number' || !Number.isInteger(clipRow) || clipRow < -1)
      throw new InputError(file, line, `clipRow must be a row number, got ${quoted(clipRow)}`);
    items.ids.push(id);
    items.titles.push(title.trim() === '' ? text : title);
    items.texts.push(text.trim() === '' ? title : text);
    items.images.push(image.trim() === '' ? undefined : image);
    clipRows.push(clipRow);
    lines.push(line);
    numbers.set(id, items.ids.length);
  });
  if (items.ids.length === 0)
    throw new InputError(file, undefined, 'a domain needs at least one item, got none');
  if (clipRows.view().some((row) => row >= 0)) items.clipRows = clipRows.toArray();
  return { items, numbers };
}

/** The list of times beside a list of items, or undefined if the line has none. */
function timesOf(value: unknown, count: number, file: string, line: number): Float64Array | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.length !== count)
    throw new InputError(
      file,
      line,
      `ts must list one number for each of the ${count} items, got ${Array.isArray(value) ? `${value.length} entries` : quoted(value)}`,
    );
  const wrong = (value as unknown[]).findIndex((time) => typeof time !== 'number' || !Number.isFinite(time));
  if (wrong >= 0)
    throw new InputError(
      file,
      line,
      `ts must list finite numbers, got ${quoted(value[wrong])} in place ${wrong + 1}`,
    );
  return Float64Array.from(value as number[]);
}

/** Reads `sequences.jsonl`. */
async function readSequences(
  file: string,
  numbers: ReadonlyMap<string, number>,
): Promise<ReadSequences & { warnings: string[] }> {
  const users = new Map<string, number>();
  const lines = new IntList();
  const list = { items: new IntList(), times: new FloatList(), starts: new IntList(), ends: new IntList() };
  let [timed, falling] = [0, 0];
  await eachObject(file, (value, line) => {
    const user = idOf(value['user'], file, line, 'user');
    const earlier = users.get(user);
    if (earlier !== undefined)
      throw new InputError(
        file,
        line,
        `each user has one line, got ${quoted(user)} again (first on line ${lines.at(earlier)})`,
      );
    users.set(user, lines.length);
    lines.push(line);
    const own = value['items'];
    if (!Array.isArray(own))
      throw new InputError(file, line, `items must be a list of item ids, got ${quoted(own)}`);
    const ids = own as unknown[];
    const start = list.items.length;
    list.starts.push(start);
    for (const entry of ids) {
      const id = idOf(entry, file, line, 'an entry of items');
      const number = numbers.get(id);
      if (number === undefined)
        throw new InputError(file, line, `every item must be in ${jsonlFiles.items}, got ${quoted(id)}`);
      list.items.push(number);
    }
    list.ends.push(list.items.length);
    const times = timesOf(value['ts'], ids.length, file, line);
    if (times && sortByTime(list.items.view().subarray(start), times)) falling++;
    // Times are kept as long as all have some.
    if (times && timed === lines.length - 1) for (const time of times) list.times.push(time);
    if (times || ids.length === 0) timed++;
  });
  const warnings: string[] = [];
  if (falling > 0)
    warnings.push(
      `${file}: the items of ${falling} of ${users.size} users were not in the order of their times and were sorted by them`,
    );
  const all = timed === users.size && list.items.length > 0;
  if (!all && timed > 0)
    warnings.push(`${file}: ${users.size - timed} of ${users.size} users have no ts: times are left out`);
  const sequences = {
    items: list.items.toArray(),
    starts: list.starts.toArray(),
    ends: list.ends.toArray(),
    ...(all ? { times: list.times.toArray() } : {}),
  };
  return { users: [...users.keys()], sequences, lines: lines.view(), warnings };
}

/**
 * Reads the jsonl form: `items.jsonl` (`{id, title, text, image?, clipRow?}`, one item a line, in index order) and
 * `sequences.jsonl` (`{user, items, ts?}`, one user a line, oldest first; sorted by `ts` where given, ties in the
 * file's order). Other keys are ignored. A missing or blank title is taken from the text and the other way round.
 *
 * @param directory - The domain's directory.
 * @param options - See {@link ReadOptions}.
 * @throws InputError naming file, line and value.
 */
export async function readJsonlDomain(directory: string, options: ResolvedReadOptions): Promise<Domain> {
  const { items, numbers } = await readItems(join(directory, jsonlFiles.items));
  const file = join(directory, jsonlFiles.sequences);
  const found = await readSequences(file, numbers);
  const { users, sequences } = found;
  const warnings = [
    ...found.warnings,
    ...checkSequences(file, found, options),
    ...idWarnings('item', items.ids),
    ...idWarnings('user', users),
  ];
  const split = leaveOneOut(sequences, items.ids.length);
  return {
    name: options.name,
    directory,
    form: `${jsonlFiles.items} and ${jsonlFiles.sequences}`,
    items,
    users,
    sequences,
    ...split,
    warnings,
  };
}
