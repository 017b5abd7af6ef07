import { InputError, quoted } from './errors.ts';
import { IntList } from './intList.ts';
import type { ResolvedReadOptions } from './options.ts';
import type { Sequences } from './types.ts';

/** One user's interactions as a file states them. */
export interface RawSequence {
  /** Raw user id. */
  user: string;
  /** Item numbers, in the file's order. */
  items: number[];
  /** Time of each item, or undefined if the file has none. */
  times: number[] | undefined;
  /** Line of the file (of its first interaction, where there are several). */
  line: number;
}

/** Users and their sequences, sorted and checked. */
export interface CollectedSequences {
  /** Raw ids of the users kept. */
  users: string[];
  /** Their sequences. */
  sequences: Sequences;
  /** What was left out. */
  warnings: string[];
}

/**
 * Brings raw sequences into one flat buffer: sorted by time where times are given, **ties in the file's order**
 * (a stable sort; Amazon times are days, so ties are common and their order is otherwise arbitrary), users with
 * fewer than 3 interactions dropped and counted, or refused.
 *
 * @param file - File to name in errors.
 * @param raw - One entry a user.
 * @param options - `shortUsers` decides about users with fewer than 3 interactions.
 * @throws InputError if `shortUsers` is 'error' and a user is too short, or if no user is left.
 */
export function collectSequences(
  file: string,
  raw: readonly RawSequence[],
  options: ResolvedReadOptions,
): CollectedSequences {
  const users: string[] = [];
  const items = new IntList();
  const starts = new IntList();
  const ends = new IntList();
  const times: number[] = [];
  const timed = raw.length > 0 && raw.every((sequence) => sequence.times !== undefined);
  let dropped = 0;
  for (const sequence of raw) {
    if (sequence.items.length < 3) {
      if (options.shortUsers === 'error')
        throw new InputError(
          file,
          sequence.line,
          `a user needs at least 3 interactions, got ${sequence.items.length} for user ${quoted(sequence.user)}`,
        );
      dropped++;
      continue;
    }
    const order = sequence.items.map((_, index) => index);
    const { times: own } = sequence;
    if (own) order.sort((a, b) => own[a]! - own[b]!);
    users.push(sequence.user);
    starts.push(items.length);
    for (const index of order) {
      items.push(sequence.items[index]!);
      if (timed) times.push(own![index]!);
    }
    ends.push(items.length);
  }
  if (users.length === 0)
    throw new InputError(
      file,
      undefined,
      `no user has the 3 interactions that a split needs, got ${raw.length} users`,
    );
  const sequences: Sequences = {
    items: items.toArray(),
    starts: starts.toArray(),
    ends: ends.toArray(),
    ...(timed ? { times: Float64Array.from(times) } : {}),
  };
  const warnings =
    dropped === 0
      ? []
      : [`${file}: ${dropped} of ${raw.length} users have fewer than 3 interactions and were left out`];
  return { users, sequences, warnings };
}
