import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, quoted } from './errors.ts';
import { FloatList, IntList } from './growing.ts';
import { IdTable } from './idTable.ts';
import { titleAndText } from './itemFiles.ts';
import { parseObject, readObject } from './json.ts';
import { eachLine } from './lines.ts';
import type { ResolvedReadOptions } from './options.ts';
import { partNumbers, splitBySets, splitDomain, type Protocol } from './protocols.ts';
import { protocolOf } from './protocolFile.ts';
import { SequenceLine } from './sequenceLine.ts';
import { checkSequences, idWarnings, sortByTime, type ReadSequences } from './sequences.ts';
import { leaveOneOut } from './split.ts';
import type { Domain, Items } from './types.ts';

/** File names of the jsonl form. */
export const jsonlFiles = {
  items: 'items.jsonl',
  sequences: 'sequences.jsonl',
  split: 'split.json',
} as const;

/** The JSON object of a line; undefined where it is blank. */
function objectOf(text: string, file: string, line: number): Record<string, unknown> | undefined {
  return text.trim() === '' ? undefined : parseObject(text, file, line);
}

/** An id as text: ids may be written as strings or as integers. */
function idOf(value: unknown, file: string, line: number, what: string): string {
  if (typeof value === 'string' && value.trim() !== '') {
    if (!/[\uD800-\uDFFF]/u.test(value)) return value;
    throw new InputError(
      file,
      line,
      `${what} must be Unicode text, got half a character in ${quoted(value)}`,
    );
  }
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

/**
 * The objects of a file of JSON lines, whatever their keys are: what `items.jsonl` says of each item besides what a
 * {@link Domain} holds.
 *
 * @returns Undefined if there is no such file.
 * @throws InputError naming file and line.
 */
export async function readRecords(file: string): Promise<Record<string, unknown>[] | undefined> {
  if (!existsSync(file)) return undefined;
  const records: Record<string, unknown>[] = [];
  await eachLine(file, (bytes, start, end, line) => {
    const value = objectOf(bytes.toString('utf8', start, end), file, line);
    if (value) records.push(value);
  });
  return records;
}

async function readItems(file: string): Promise<{ items: Items; known: IdTable }> {
  const items: Items = { ids: [], titles: [], texts: [], images: [] };
  const known = new IdTable();
  const lines = new IntList();
  const clipRows = new IntList();
  await eachLine(file, (bytes, start, end, line) => {
    const value = objectOf(bytes.toString('utf8', start, end), file, line);
    if (!value) return;
    const id = idOf(value['id'], file, line, 'id');
    const number = known.addText(id);
    if (number < items.ids.length)
      throw new InputError(
        file,
        line,
        `item ids must be unique, got ${quoted(id)} again (first on line ${lines.at(number)})`,
      );
    const { title, text } = titleAndText(
      textOf(value['title'], file, line, 'title'),
      textOf(value['text'], file, line, 'text'),
    );
    const image = textOf(value['image'], file, line, 'image') ?? '';
    const clipRow = value['clipRow'] ?? -1;
    if (typeof clipRow !== 'number' || !Number.isInteger(clipRow) || clipRow < -1)
      throw new InputError(file, line, `clipRow must be a row number, got ${quoted(clipRow)}`);
    items.ids.push(id);
    items.titles.push(title);
    items.texts.push(text);
    items.images.push(image.trim() === '' ? undefined : image);
    clipRows.push(clipRow);
    lines.push(line);
  });
  if (items.ids.length === 0)
    throw new InputError(file, undefined, 'a domain needs at least one item, got none');
  if (clipRows.view().some((row) => row >= 0)) items.clipRows = clipRows.toArray();
  return { items, known };
}

/** The list of times beside a list of items, or undefined if the line has none. */
function timesOf(value: unknown, count: number, file: string, line: number): number[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.length !== count)
    throw new InputError(
      file,
      line,
      `ts must list one number for each of the ${count} items, got ` +
        (Array.isArray(value) ? `${value.length} entries` : quoted(value)),
    );
  const wrong = (value as unknown[]).findIndex((time) => typeof time !== 'number' || !Number.isFinite(time));
  if (wrong >= 0)
    throw new InputError(
      file,
      line,
      `ts must list finite numbers, got ${quoted(value[wrong])} in place ${wrong + 1}`,
    );
  return value as number[];
}

/** The parts that a line gives its items: 0 training, 1 validation, 2 test. */
function partsOf(value: unknown, count: number, file: string, line: number): Uint8Array {
  const known: readonly unknown[] = Object.values(partNumbers);
  if (!Array.isArray(value) || value.length !== count || !value.every((part) => known.includes(part)))
    throw new InputError(
      file,
      line,
      `parts must list 0 (training), 1 (validation) or 2 (test) for each of the ${count} items, as ` +
        `${jsonlFiles.split} says, got ${quoted(value)}`,
    );
  return Uint8Array.from(value as number[]);
}

/** Fills a line from its object, whatever it looks like, and returns the user id. */
function fillLine(
  own: SequenceLine,
  value: Readonly<Record<string, unknown>>,
  { file, line, known }: { file: string; line: number; known: IdTable },
): string {
  const user = idOf(value['user'], file, line, 'user');
  const ids = value['items'];
  if (!Array.isArray(ids))
    throw new InputError(file, line, `items must be a list of item ids, got ${quoted(ids)}`);
  own.clear();
  for (const entry of ids as unknown[]) {
    const id = idOf(entry, file, line, 'an entry of items');
    const number = known.findText(id);
    if (number < 0)
      throw new InputError(file, line, `every item must be in ${jsonlFiles.items}, got ${quoted(id)}`);
    own.items.push(number + 1);
  }
  const times = timesOf(value['ts'], ids.length, file, line);
  own.timed = times !== undefined;
  for (const time of times ?? []) own.times.push(time);
  return user;
}

/** Reads `sequences.jsonl`; with `parts`, its lines must say which part each of their items belongs to. */
async function readSequences(
  file: string,
  known: IdTable,
  withParts: boolean,
): Promise<ReadSequences & { warnings: string[]; parts: Uint8Array[] }> {
  const users = new IdTable();
  const parts: Uint8Array[] = [];
  const lines = new IntList();
  const list = { items: new IntList(), times: new FloatList(), starts: new IntList(), ends: new IntList() };
  const own = new SequenceLine(known);
  let [timed, empty, falling] = [0, 0, 0];
  await eachLine(file, (bytes, lineStart, lineEnd, line) => {
    let user: number;
    if (!withParts && own.read(bytes, lineStart, lineEnd))
      user = users.add(bytes, own.userStart, own.userEnd);
    else {
      const value = objectOf(bytes.toString('utf8', lineStart, lineEnd), file, line);
      if (!value) return;
      user = users.addText(fillLine(own, value, { file, line, known }));
      if (withParts) parts.push(partsOf(value['parts'], own.items.length, file, line));
    }
    if (user < lines.length)
      throw new InputError(
        file,
        line,
        `each user has one line, got ${quoted(users.text(user))} again (first on line ${lines.at(user)})`,
      );
    lines.push(line);
    const items = own.items.view();
    const times = own.times.view();
    // Parts belong to places: a ready-made split keeps the order of the file.
    if (own.timed && !withParts && sortByTime(items, times)) falling++;
    list.starts.push(list.items.length);
    for (const item of items) list.items.push(item);
    list.ends.push(list.items.length);
    // Times are kept as long as all have some.
    if (own.timed && timed + empty === lines.length - 1) for (const time of times) list.times.push(time);
    if (items.length === 0) empty++;
    else if (own.timed) timed++;
  });
  const warnings: string[] = [];
  if (falling > 0)
    warnings.push(
      `${file}: the items of ${falling} of ${users.size} users were not in the order of their times and were ` +
        'sorted by them',
    );
  const silent = users.size - empty - timed;
  const all = silent === 0 && timed > 0;
  if (!all && timed > 0)
    warnings.push(`${file}: ${silent} of ${users.size} users have no ts: times are left out`);
  const sequences = {
    items: list.items.toArray(),
    starts: list.starts.toArray(),
    ends: list.ends.toArray(),
    ...(all ? { times: list.times.toArray() } : {}),
  };
  return { users: users.texts(), sequences, lines: lines.view(), warnings, parts };
}

/** The protocol that `split.json` names, if it is there. */
async function readProtocol(file: string): Promise<Protocol | undefined> {
  const value = await readObject(file);
  return value && protocolOf(value, file);
}

/**
 * Reads the jsonl form: `items.jsonl` (`{id, title, text, image?, clipRow?}`, one item a line, in index order) and
 * `sequences.jsonl` (`{user, items, ts?}`, one user a line, oldest first; sorted by `ts` where given, ties in the
 * file's order). `split.json` beside them may name the {@link Protocol} by which they are split, `{"name":
 * "temporal-by-user"}`; with `{"name": "files"}` each line has `parts`, 0, 1 or 2 (training, validation, test) for each
 * item, which are sets: test rows see the training and validation items. Other keys are ignored. A missing or blank
 * title is taken from the text and the other way round.
 *
 * @param directory - The domain's directory.
 * @param options - See {@link ReadOptions}.
 * @throws InputError naming file, line and value.
 */
export async function readJsonlDomain(directory: string, options: ResolvedReadOptions): Promise<Domain> {
  const { items, known } = await readItems(join(directory, jsonlFiles.items));
  const file = join(directory, jsonlFiles.sequences);
  const protocol = await readProtocol(join(directory, jsonlFiles.split));
  const found = await readSequences(file, known, protocol?.name === 'files');
  const { users, sequences } = found;
  const warnings = [
    ...found.warnings,
    ...checkSequences(file, found, options),
    ...idWarnings('item', items.ids),
    ...idWarnings('user', users),
  ];
  const domain: Domain = {
    name: options.name,
    directory,
    protocol: 'leave-one-out',
    form: `${jsonlFiles.items} and ${jsonlFiles.sequences}${protocol ? `, split by ${jsonlFiles.split}` : ''}`,
    items,
    users,
    sequences,
    ...leaveOneOut(sequences, items.ids.length),
    warnings,
  };
  if (protocol?.name === 'files')
    return { ...domain, ...splitBySets(domain, (user) => found.parts[user]!), protocol: 'files' };
  if (!protocol) return domain;
  try {
    return splitDomain(domain, protocol);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(
      join(directory, jsonlFiles.split),
      undefined,
      error.message.replace(/^splitDomain: /, ''),
    );
  }
}
