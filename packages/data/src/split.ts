import type { Rows, Sequences } from './types.ts';
import { IntList } from './growing.ts';

/** The three splits of a domain and its training popularity. */
export interface Split {
  /** See {@link Domain.train}. */
  train: Rows;
  /** See {@link Domain.valid}. */
  valid: Rows;
  /** See {@link Domain.test}. */
  test: Rows;
  /** See {@link Domain.trainCounts}. */
  trainCounts: Int32Array;
  /** See {@link Domain.training}. */
  training: Sequences;
}

/** Interactions that a user needs to give a training history, a validation and a test item. */
export const minimumLength = 3;

/** Rows under construction; `build` attaches the shared item buffer. */
export class RowList {
  readonly #users = new IntList();
  readonly #targets = new IntList();
  readonly #starts = new IntList();
  readonly #ends = new IntList();

  /** Appends one example. */
  push(user: number, start: number, end: number, target: number): void {
    this.#users.push(user);
    this.#starts.push(start);
    this.#ends.push(end);
    this.#targets.push(target);
  }

  /** The rows as typed arrays over `items`. */
  build(items: Int32Array): Rows {
    return {
      users: this.#users.toArray(),
      targets: this.#targets.toArray(),
      items,
      starts: this.#starts.toArray(),
      ends: this.#ends.toArray(),
    };
  }
}

/** Rows of a known number, to be filled with {@link setRow}. */
function emptyRows(count: number, items: Int32Array): Rows {
  const array = () => new Int32Array(count);
  return { users: array(), targets: array(), items, starts: array(), ends: array() };
}

/** Fills row `row`: the history `[start, at)` of a user, and the item at `at` after it. */
function setRow(rows: Rows, row: number, user: number, start: number, at: number): void {
  rows.users[row] = user;
  rows.starts[row] = start;
  rows.ends[row] = at;
  rows.targets[row] = rows.items[at]!;
}

/** Who gives rows of a kind; default all. */
export interface RowsOf {
  /** Whether a user has a validation row; s_{n-1} of one who has none is a training item. */
  validates?: ((user: number) => boolean) | undefined;
  /** Whether a user's items are for training; those of one whose are not are read as a history alone. */
  trains?: ((user: number) => boolean) | undefined;
}

/**
 * Leave-one-out split (UniSRec, MISSRec): of a sequence s_1..s_n the test row is (s_1..s_{n-1} -> s_n), the
 * validation row (s_1..s_{n-2} -> s_{n-1}), and the training rows (s_1..s_k -> s_{k+1}) for k = 1..n-3, shortest
 * first, users in order. Histories are whole: how much of one a model sees is the model's business. Users with fewer than
 * three items give no row and count for nothing.
 *
 * @param sequences - Sequences of any length.
 * @param itemCount - N.
 * @param rowsOf - Who gives which rows.
 */
export function leaveOneOut(
  sequences: Sequences,
  itemCount: number,
  { validates = () => true, trains = () => true }: RowsOf = {},
): Split {
  const { items, starts, ends } = sequences;
  const trainCounts = new Int32Array(itemCount + 1);
  let [trainRows, validRows, testRows] = [0, 0, 0];
  for (let user = 0; user < starts.length; user++) {
    const length = ends[user]! - starts[user]!;
    if (length < minimumLength) continue;
    const validating = validates(user) ? 1 : 0;
    validRows += validating;
    if (trains(user)) trainRows += length - minimumLength + 1 - validating;
    testRows++;
  }
  const train = emptyRows(trainRows, items);
  const valid = emptyRows(validRows, items);
  const test = emptyRows(testRows, items);
  const training = { items, starts, ends: ends.slice() };
  let [row, held, place] = [0, 0, 0];
  for (let user = 0; user < starts.length; user++) {
    const start = starts[user]!;
    const end = ends[user]!;
    training.ends[user] = start;
    if (end - start < minimumLength) continue;
    const last = validates(user) ? end - 2 : end - 1;
    if (trains(user)) {
      training.ends[user] = last;
      for (let at = start; at < last; at++) {
        trainCounts[items[at]!]!++;
        if (at > start) setRow(train, row++, user, start, at);
      }
    }
    if (last < end - 1) setRow(valid, held++, user, start, last);
    setRow(test, place++, user, start, end - 1);
  }
  return { train, valid, test, trainCounts, training };
}
