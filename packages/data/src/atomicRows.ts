import { IntList } from './growing.ts';
import { RowList } from './split.ts';
import type { Rows, Sequences } from './types.ts';

/** One line of a split's `.inter` file. */
export interface AtomicRow {
  /** User token. */
  user: string;
  /** Item numbers (index + 1), oldest first. */
  history: number[];
  /** The item that followed. */
  target: number;
}

/** Rows of one user, by split, in the files' order. */
interface UserRows {
  train: AtomicRow[];
  valid: AtomicRow[];
  test: AtomicRow[];
}

/** What {@link joinRows} makes of the rows. */
export interface JoinedRows {
  /** Raw user ids. */
  users: string[];
  /** Whole sequences. */
  sequences: Sequences;
  /** Training rows. */
  train: Rows;
  /** Validation rows. */
  valid: Rows;
  /** Test rows. */
  test: Rows;
  /** Training interactions of each item; Int32 [N + 1]. */
  trainCounts: Int32Array;
  /** Training interactions of each user. */
  training: Sequences;
  /** Users whose rows do not fit together. */
  warnings: string[];
}

/** Whether `history` is the end of `sequence`, and is all of it or was cut at a common length `cut`. */
function continues(sequence: readonly number[], history: readonly number[], cut: number): boolean {
  if (history.length > sequence.length) return false;
  if (history.length < sequence.length && history.length < cut) return false;
  const offset = sequence.length - history.length;
  return history.every((item, index) => item === sequence[offset + index]);
}

/**
 * The sequence whose leave-one-out examples these rows are: the first training history, then every target. The
 * lines may run from short to long or, as UniSRec writes them, from long to short.
 *
 * @returns Undefined if the rows are no such examples.
 */
function chain(rows: UserRows, cut: number): number[] | undefined {
  if (rows.valid.length !== 1 || rows.test.length !== 1) return undefined;
  for (const train of [rows.train, [...rows.train].reverse()]) {
    const ordered = [...train, rows.valid[0]!, rows.test[0]!];
    // A sequence of three has no training row; its validation history is its first item.
    if (ordered[0]!.history.length !== 1) continue;
    const sequence = [...ordered[0]!.history];
    if (
      ordered.every((row) => {
        const fits = continues(sequence, row.history, cut);
        sequence.push(row.target);
        return fits;
      })
    )
      return sequence;
  }
  return undefined;
}

/** The longest row's history and target: what is known of a user whose rows do not chain. */
function longest(rows: readonly AtomicRow[]): number[] {
  let best: AtomicRow | undefined;
  for (const row of rows) if (!best || row.history.length > best.history.length) best = row;
  return best ? [...best.history, best.target] : [];
}

/**
 * Joins ready-made examples back into sequences. Where a user's rows are the leave-one-out examples of one
 * sequence, they become windows of it (training rows shortest first, whatever the file's order). Where they are not
 * (a split made otherwise), the rows stay as the files have them, the user's longest row stands for the sequence
 * and for the training counts, and a warning counts such users.
 *
 * @param rows - Rows of the three files.
 * @param options - `itemCount` N; `userIds` raw ids by index, or undefined to name users by their tokens in order
 *   of appearance.
 */
export function joinRows(
  rows: { train: AtomicRow[]; valid: AtomicRow[]; test: AtomicRow[] },
  options: { itemCount: number; userIds: readonly string[] | undefined },
): JoinedRows {
  const { itemCount, userIds } = options;
  const byUser = new Map<string, UserRows>();
  // Users of an index keep its order, those without any row included.
  if (userIds)
    for (const index of userIds.keys()) byUser.set(String(index), { train: [], valid: [], test: [] });
  let cut = 0;
  for (const split of ['train', 'valid', 'test'] as const)
    for (const row of rows[split]) {
      let own = byUser.get(row.user);
      if (!own) byUser.set(row.user, (own = { train: [], valid: [], test: [] }));
      own[split].push(row);
      cut = Math.max(cut, row.history.length);
    }

  const users: string[] = [];
  const items = new IntList();
  const starts = new IntList();
  const ends = new IntList();
  const trained = { starts: new IntList(), ends: new IntList() };
  const lists = { train: new RowList(), valid: new RowList(), test: new RowList() };
  const trainCounts = new Int32Array(itemCount + 1);
  let apart = 0;
  let empty = 0;
  const append = (list: readonly number[]): number => {
    const start = items.length;
    for (const item of list) items.push(item);
    return start;
  };
  for (const [token, own] of byUser) {
    const user = users.length;
    users.push(userIds ? userIds[Number(token)]! : token);
    if (own.train.length + own.valid.length + own.test.length === 0) {
      empty++;
      for (const list of [starts, ends, trained.starts, trained.ends]) list.push(items.length);
      continue;
    }
    const sequence = chain(own, cut);
    const known = sequence ?? longest([...own.train, ...own.valid, ...own.test]);
    const start = append(known);
    const end = items.length;
    starts.push(start);
    ends.push(end);
    if (sequence) {
      trained.starts.push(start);
      trained.ends.push(end - 2);
      for (let at = start; at < end; at++) {
        if (at < end - 2) trainCounts[items.at(at)]!++;
        if (at === start) continue;
        const split = at < end - 2 ? 'train' : at === end - 2 ? 'valid' : 'test';
        lists[split].push(user, start, at, items.at(at));
      }
      continue;
    }
    apart++;
    const learnt = longest(own.train);
    for (const item of learnt) trainCounts[item]!++;
    trained.starts.push(append(learnt));
    trained.ends.push(items.length);
    for (const split of ['train', 'valid', 'test'] as const)
      for (const row of own[split]) {
        const from = append(row.history);
        lists[split].push(user, from, items.length, row.target);
      }
  }
  const buffer = items.toArray();
  const warnings: string[] = [];
  if (apart > 0)
    warnings.push(
      `the rows of ${apart} of ${users.length} users are not the prefixes of one sequence; they are kept as they are`,
    );
  if (empty > 0) warnings.push(`${empty} of ${users.length} users of the user index have no row`);
  return {
    users,
    sequences: { items: buffer, starts: starts.toArray(), ends: ends.toArray() },
    train: lists.train.build(buffer),
    valid: lists.valid.build(buffer),
    test: lists.test.build(buffer),
    trainCounts,
    training: { items: buffer, starts: trained.starts.toArray(), ends: trained.ends.toArray() },
    warnings,
  };
}
