import type { Rows, Sequences } from './types.ts';
import { IntList } from './intList.ts';

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
}

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

/**
 * Leave-one-out split (UniSRec, MISSRec): of a sequence s_1..s_n the test row is (s_1..s_{n-1} -> s_n), the
 * validation row (s_1..s_{n-2} -> s_{n-1}), and the training rows (s_1..s_k -> s_{k+1}) for k = 1..n-3, shortest
 * first, users in order. Histories are whole: how much of one a model sees is the model's business.
 *
 * @param sequences - Sequences of at least 3 items each.
 * @param itemCount - N.
 * @throws RangeError if a sequence is shorter than 3: readers drop or refuse such users first.
 */
export function leaveOneOut(sequences: Sequences, itemCount: number): Split {
  const { items, starts, ends } = sequences;
  const train = new RowList();
  const valid = new RowList();
  const test = new RowList();
  const trainCounts = new Int32Array(itemCount + 1);
  for (let user = 0; user < starts.length; user++) {
    const start = starts[user]!;
    const end = ends[user]!;
    if (end - start < 3)
      throw new RangeError(
        `leaveOneOut: a sequence needs at least 3 items, got ${end - start} for user ${user}`,
      );
    for (let at = start; at < end - 2; at++) {
      trainCounts[items[at]!]!++;
      if (at > start) train.push(user, start, at, items[at]!);
    }
    valid.push(user, start, end - 2, items[end - 2]!);
    test.push(user, start, end - 1, items[end - 1]!);
  }
  return { train: train.build(items), valid: valid.build(items), test: test.build(items), trainCounts };
}
