import { InputError, quoted } from './errors.ts';
import type { ResolvedReadOptions } from './options.ts';
import { minimumLength } from './split.ts';
import { timeWarnings } from './times.ts';
import type { Sequences } from './types.ts';

/** What a reader found: users and their interactions, by time where there are times. */
export interface ReadSequences {
  /** Raw user ids. */
  users: string[];
  /** Their sequences, empty ones included. */
  sequences: Sequences;
  /** Line of each user's first interaction. */
  lines: ArrayLike<number>;
}

/** Interactions up to which sorting by insertion is faster. */
const shortSequence = 64;

/**
 * Sorts one user's interactions by time, in place, **ties in the file's order** (a stable sort; Amazon times are days,
 * so ties are common and their order is otherwise arbitrary).
 *
 * @returns Whether anything moved.
 */
export function sortByTime(items: Int32Array, times: Float64Array): boolean {
  let sorted = 1;
  while (sorted < times.length && times[sorted - 1]! <= times[sorted]!) sorted++;
  if (sorted >= times.length) return false;
  if (times.length <= shortSequence) {
    // Most users have few interactions: insertion makes nothing.
    for (let at = sorted; at < times.length; at++) {
      const [item, time] = [items[at]!, times[at]!];
      let to = at;
      for (; to > 0 && times[to - 1]! > time; to--) {
        items[to] = items[to - 1]!;
        times[to] = times[to - 1]!;
      }
      items[to] = item;
      times[to] = time;
    }
    return true;
  }
  const [oldItems, oldTimes] = [items.slice(), times.slice()];
  const order = Array.from(oldTimes.keys()).sort((a, b) => oldTimes[a]! - oldTimes[b]!);
  for (const [to, from] of order.entries()) {
    items[to] = oldItems[from]!;
    times[to] = oldTimes[from]!;
  }
  return true;
}

/**
 * Checks the sequences that a reader found. Users with fewer than 3 interactions stay: they give no rows, but their history
 * is known.
 *
 * @param file - File to name in errors.
 * @param options - `shortUsers` decides about users with fewer than 3 interactions.
 * @returns What is worth knowing, one sentence each.
 * @throws InputError if `shortUsers` is 'error' and a user is too short, or if no user has 3 interactions.
 */
export function checkSequences(
  file: string,
  { users, sequences, lines }: ReadSequences,
  options: ResolvedReadOptions,
): string[] {
  const { starts, ends, times } = sequences;
  let short = 0;
  for (let user = 0; user < users.length; user++) {
    const length = ends[user]! - starts[user]!;
    if (length >= minimumLength) continue;
    short++;
    if (options.shortUsers === 'error')
      throw new InputError(
        file,
        lines[user],
        `a user needs at least ${minimumLength} interactions, got ${length} for user ${quoted(users[user])}`,
      );
  }
  if (short === users.length)
    throw new InputError(
      file,
      undefined,
      `no user has the ${minimumLength} interactions that a split needs, got ${users.length} users`,
    );
  const warnings: string[] = [];
  if (short > 0)
    warnings.push(
      `${file}: ${short} of ${users.length} users have fewer than ${minimumLength} interactions: they give no ` +
        'training, validation or test row',
    );
  if (times) warnings.push(...timeWarnings(times).map((warning) => `${file}: ${warning}`));
  return warnings;
}

/** What programs write where a value is missing, in small letters. */
export const missingWords: readonly string[] = ['null', 'nan', 'none', 'undefined', '<na>', '\\n', '#n/a'];

/** An id without what different programs write differently: a whole number as a decimal (12.0), letters with accents. */
const plainId = (id: string): string => id.normalize('NFC').replace(/^(\d+)\.0+$/, '$1');

/**
 * What looks odd about ids: blanks or quotation marks around them are part of an id, of long ones that a spreadsheet
 * wrote in scientific notation (1.23E+11) several may be one, all rows without a value have one in common where a
 * program wrote NULL or NaN, and one id may have been written in two ways (12 and 12.0, é as one character or two).
 */
export function idWarnings(what: 'item' | 'user', ids: readonly string[]): string[] {
  const warn = (odd: (id: string) => boolean, one: string, several: string, so: string): string[] => {
    const found = ids.filter(odd);
    if (found.length === 0) return [];
    const those = found.length === 1 ? `id ${one}` : `ids ${several}`;
    return [`${found.length} ${what} ${those}, ${so}: ${quoted(found[0])}`];
  };
  const kept = 'which is kept as part of the id';
  return [
    ...warn((id) => id.trim() !== id, 'begins or ends with a blank', 'begin or end with a blank', kept),
    ...warn((id) => /^(["']).*\1$/.test(id), 'stands in quotation marks', 'stand in quotation marks', kept),
    ...warn(
      (id) => /^\s*\d(\.\d+)?e\+\d+\s*$/i.test(id),
      'is in the scientific notation of spreadsheets',
      'are in the scientific notation of spreadsheets',
      'whose last digits are lost, so that several ids may be one',
    ),
    ...warn(
      (id) => missingWords.includes(id.trim().toLowerCase()),
      'is what programs write for a value that is missing',
      'are what programs write for a value that is missing',
      `so that what has none is one ${what}`,
    ),
    ...warn(
      twins(ids),
      'differs from another only in how it is written (12 and 12.0, or an accent as a character of its own)',
      'differ from others only in how they are written (12 and 12.0, or an accent as a character of its own)',
      `so that one ${what} may be several`,
    ),
  ];
}

/** Whether an id, of some that differ, is another one in other writing. */
function twins(ids: readonly string[]): (id: string) => boolean {
  const plain = ids.map(plainId);
  // Mostly none is rewritten, or all are: neither needs the counting below.
  if (plain.every((id, at) => id === ids[at]) || new Set(plain).size === ids.length) return () => false;
  const counts = new Map<string, number>();
  for (const id of plain) counts.set(id, (counts.get(id) ?? 0) + 1);
  const found = new Set(ids.filter((id, at) => plain[at] !== id && counts.get(plain[at]!)! > 1));
  return (id) => found.has(id);
}
