import { InputError, quoted } from './errors.ts';
import { FloatList, IntList } from './growing.ts';
import { IdTable } from './idTable.ts';
import { sortByTime, type ReadSequences } from './sequences.ts';
import { decimal, eachTypedLine, type Cells } from './tsv.ts';

/** Interactions in the file's order. */
interface Interactions {
  users: Int32Array;
  items: Int32Array;
  times: Float64Array | undefined;
}

/** Why a cell is no time. */
function timeError(file: string, line: number, text: string): InputError {
  const found = text.trim() === '' ? 'a blank cell' : quoted(text);
  const hint = /^\s*\d{4}-\d{2}-\d{2}/.test(text)
    ? ': write dates as seconds since 1970'
    : /^\s*[+-]?\d+,\d+\s*$/.test(text)
      ? ': write a point, not a comma'
      : '';
  return new InputError(file, line, `timestamp must be a number, got ${found}${hint}`);
}

/** Brings interactions together by user, in the file's order: a counting sort. */
function byUser(userCount: number, { users, items, times }: Interactions): ReadSequences['sequences'] {
  const starts = new Int32Array(userCount);
  const ends = new Int32Array(userCount);
  for (const user of users) ends[user]!++;
  for (let user = 1; user < userCount; user++) ends[user]! += ends[user - 1]!;
  starts.set(ends.subarray(0, userCount - 1), 1);
  const next = starts.slice();
  const sorted = {
    items: new Int32Array(items.length),
    ...(times && { times: new Float64Array(times.length) }),
  };
  for (let row = 0; row < users.length; row++) {
    const at = next[users[row]!]!++;
    sorted.items[at] = items[row]!;
    if (times) sorted.times![at] = times[row]!;
  }
  return { ...sorted, starts, ends };
}

/**
 * Reads a `.inter` file of single interactions, RecBole's own form (`user_id:token⇥item_id:token`, optionally
 * `timestamp`). Users are numbered as they appear. Holds three numbers an interaction, and each id once.
 *
 * @param file - The file.
 * @param items - Ids that are known; further ones are added, unless there is an index.
 * @param indexFile - The index that must hold every item.
 * @returns Users, their interactions by time (without times: in the file's order), and warnings.
 * @throws InputError naming file, line and value.
 */
export async function readInteractions(
  file: string,
  items: IdTable,
  indexFile: string | undefined,
): Promise<ReadSequences & { warnings: string[] }> {
  const users = new IdTable();
  const lines = new IntList();
  const list = { users: new IntList(), items: new IntList(), times: new FloatList() };
  const cellOf = (cells: Cells, cell: number, line: number, name: string): void => {
    if (cells.blank(cell))
      throw new InputError(file, line, `${name} must not be empty, got ${quoted(cells.texts().join('\t'))}`);
  };
  const required = { user_id: 'token', item_id: 'token' };
  const columns = await eachTypedLine(file, required, (found) => {
    const [user, item, time] = [found.find('user_id')!, found.find('item_id')!, found.find('timestamp')];
    return (cells, line) => {
      const { bytes, starts, ends } = cells;
      cellOf(cells, user, line, 'user_id');
      cellOf(cells, item, line, 'item_id');
      const number =
        indexFile === undefined
          ? items.add(bytes, starts[item]!, ends[item]!)
          : items.find(bytes, starts[item]!, ends[item]!);
      if (number < 0)
        throw new InputError(
          file,
          line,
          `every item must be in ${indexFile!}, got ${quoted(cells.text(item))}`,
        );
      const own = users.add(bytes, starts[user]!, ends[user]!);
      if (own === lines.length) lines.push(line);
      list.users.push(own);
      list.items.push(number + 1);
      if (time === undefined) return;
      const at = decimal(cells, time);
      if (Number.isNaN(at)) throw timeError(file, line, cells.text(time));
      list.times.push(at);
    };
  });
  if (users.size === 0)
    throw new InputError(file, undefined, 'there must be interactions, got a header alone');
  const timed = columns.find('timestamp') !== undefined;
  const sequences = byUser(users.size, {
    users: list.users.view(),
    items: list.items.view(),
    times: timed ? list.times.view() : undefined,
  });
  const { starts, ends, times } = sequences;
  if (times)
    for (let user = 0; user < starts.length; user++)
      sortByTime(
        sequences.items.subarray(starts[user], ends[user]),
        times.subarray(starts[user], ends[user]),
      );
  const warnings = timed
    ? []
    : [
        `${file}: no column timestamp (the columns are ${columns.names.join(', ')}): the order of its lines is ` +
          'taken for the order in time',
      ];
  return { users: users.texts(), sequences, lines: lines.view(), warnings };
}
