import { basename } from 'node:path';
import { InputError, quoted } from './errors.ts';
import { IntList } from './growing.ts';
import { IdTable } from './idTable.ts';
import { eachLine } from './lines.ts';
import type { ResolvedReadOptions } from './options.ts';
import { checkSequences, idWarnings } from './sequences.ts';
import { leaveOneOut } from './split.ts';
import type { Domain } from './types.ts';

const space = 32;

/** Items in the order of their numbers, if all ids are plain integers: the place of each in the new order. */
function numericOrder(ids: readonly string[]): Int32Array | undefined {
  if (!ids.every((id) => /^(?:0|[1-9]\d{0,14})$/.test(id))) return undefined;
  const values = ids.map(Number);
  const order = Int32Array.from(ids.keys()).sort((a, b) => values[a]! - values[b]!);
  const place = new Int32Array(ids.length);
  for (const [at, item] of order.entries()) place[item] = at;
  return place;
}

/** Refuses a line of one word in which commas, semicolons or bars stand between what look like ids. */
function checkSeparator(text: string, file: string, line: number): void {
  const found = /^\S+?([,;|])\S+$/.exec(text.trim());
  if (found)
    throw new InputError(
      file,
      line,
      `ids must be separated by blanks or tabs, got ${quoted(found[1])} in ${quoted(text.trim().slice(0, 40))}`,
    );
}

/**
 * Reads the form of S3Rec and its descendants: a line is `user item item …`, separated by spaces or tabs, oldest first.
 * Ids are integers or anything else without blanks. Where all items are integers they are numbered by size, so that items
 * 1..N keep their numbers; others as they appear. There are no titles: only IDs, or features brought along, describe items.
 *
 * @param file - The file.
 * @param directory - Where features are looked up.
 * @param options - See {@link ReadOptions}.
 * @throws InputError naming file, line and value.
 */
export async function readS3RecDomain(
  file: string,
  directory: string,
  options: ResolvedReadOptions,
): Promise<Domain> {
  const users = new IdTable();
  const known = new IdTable();
  const lines = new IntList();
  const list = { items: new IntList(), starts: new IntList(), ends: new IntList() };
  await eachLine(file, (bytes, start, end, line) => {
    let first = true;
    if (lines.length === 0) checkSeparator(bytes.toString('utf8', start, end), file, line);
    for (let from = start; from < end;) {
      while (from < end && bytes[from]! <= space) from++;
      let to = from;
      while (to < end && bytes[to]! > space) to++;
      if (to > from && first) {
        first = false;
        const user = users.add(bytes, from, to);
        if (user < lines.length)
          throw new InputError(
            file,
            line,
            `each user has one line, got ${quoted(users.text(user))} again (first on line ${lines.at(user)})`,
          );
        lines.push(line);
        list.starts.push(list.items.length);
      } else if (to > from) list.items.push(known.add(bytes, from, to));
      from = to;
    }
    if (!first) list.ends.push(list.items.length);
  });
  if (known.size === 0) throw new InputError(file, undefined, 'a domain needs at least one item, got none');
  const appeared = known.texts();
  const place = numericOrder(appeared);
  const ids = place ? appeared.slice() : appeared;
  if (place) for (const [item, at] of place.entries()) ids[at] = appeared[item]!;
  const items = list.items.toArray();
  for (let at = 0; at < items.length; at++) items[at] = (place ? place[items[at]!]! : items[at]!) + 1;
  const sequences = { items, starts: list.starts.toArray(), ends: list.ends.toArray() };
  const read = { users: users.texts(), sequences, lines: lines.view() };
  return {
    name: options.name,
    directory,
    protocol: 'leave-one-out',
    form: `sequences in S3Rec's form, ${basename(file)}: ids without titles, an order without times`,
    items: {
      ids,
      titles: ids.map(() => ''),
      texts: ids.map(() => ''),
      images: ids.map(() => undefined),
    },
    users: read.users,
    sequences,
    ...leaveOneOut(sequences, ids.length),
    warnings: [
      ...idWarnings('item', ids),
      ...idWarnings('user', read.users),
      ...checkSequences(file, read, options),
    ],
  };
}
