import type { Sequences, UserTargets } from '@ferry/data';
import { tf } from '@ferry/engine';
import type { Lists } from './lists.ts';
import { nowhere, type ManyPlaces } from './manyPlaces.ts';
import type { TieRule } from './places.ts';
import { metricsWith } from './rowValues.ts';

/** How {@link rankUsers} ranks. Letters: N items, R users, P relevant items of all of them, B users of a batch. */
export interface UserRankingOptions {
  /** The users, and the items that each is tested on; see `targetsByUser` of `@ferry/data`. */
  targets: UserTargets;
  /** Gain of each relevant item, for graded NDCG; [P]. Default 1 each. */
  gains?: Float32Array;
  /** N: items of the catalogue. */
  count: number;
  /**
   * Items that are no candidates of their users: each user's training items, users of the domain in order. Relevant
   * ones stay.
   */
  seen?: Sequences;
  /** 1 for items that are candidates at all, such as those that training knows; [N + 1]. Default all. */
  known?: ArrayLike<number>;
  /** Scores of every item for some users, larger being better; [B * (N + 1)] or a tensor [B, N + 1], which is disposed. */
  scores: (users: Int32Array) => UserScores | Promise<UserScores>;
  /** B. Default 256. */
  batchSize?: number;
  /** Cutoffs. Default 10 and 20. */
  k?: readonly number[];
  /** Further metrics by name, see `rowValues`. */
  metrics?: readonly string[];
  /** Items of each list that are kept. Default the largest cutoff. */
  depth?: number;
  /** What a tie means. Default `mid-rank`. */
  ties?: TieRule;
}

/** See {@link UserRankingOptions.scores}. */
export type UserScores = Float32Array | Float64Array | tf.Tensor2D;

/** What {@link rankUsers} returns: where every relevant item stands, and the lists. */
export interface UserRanking extends ManyPlaces {
  /** Index of each row's user; [R]. */
  readonly users: Int32Array;
  /** Candidates of each user. */
  readonly candidates: Int32Array;
  /** The best items of each user; equal scores by item number. */
  readonly lists: Lists;
  /** Score of each entry of the lists. */
  readonly listScores: Float64Array;
  /** See `rankingMetrics`; and those that were asked for. */
  readonly metrics: Record<string, number>;
}

/** The best k of a row so far, best first. */
class Best {
  readonly #k: number;
  readonly #items: Int32Array;
  readonly #scores: Float64Array;
  size = 0;
  /** What a score must exceed to get in. */
  least = -Infinity;

  constructor(k: number) {
    this.#k = k;
    this.#items = new Int32Array(k + 1);
    this.#scores = new Float64Array(k + 1);
  }

  clear(): void {
    this.size = 0;
    this.least = -Infinity;
  }

  push(item: number, score: number): void {
    const [items, scores] = [this.#items, this.#scores];
    let at = this.size;
    for (; at > 0 && scores[at - 1]! < score; at--) {
      scores[at] = scores[at - 1]!;
      items[at] = items[at - 1]!;
    }
    scores[at] = score;
    items[at] = item;
    if (this.size < this.#k) this.size++;
    if (this.size === this.#k) this.least = scores[this.#k - 1]!;
  }

  /** Copies of what is held. */
  take(): { items: Int32Array; scores: Float64Array } {
    return { items: this.#items.slice(0, this.size), scores: this.#scores.slice(0, this.size) };
  }
}

/** Where sorted values stand among the numbers that were added. */
class Standing {
  /** Distinct values, ascending. */
  #values: Float64Array = new Float64Array(0);
  #above: Int32Array = new Int32Array(0);
  #equal: Int32Array = new Int32Array(0);
  /** Numbers below it are behind all values. */
  lowest = Infinity;

  start(values: readonly number[]): void {
    this.#values = Float64Array.from(new Set(values)).sort();
    // above[i]: numbers between the values i - 1 and i; the last: those above all.
    this.#above = new Int32Array(this.#values.length + 1);
    this.#equal = new Int32Array(this.#values.length);
    this.lowest = this.#values[0] ?? Infinity;
  }

  add(score: number): void {
    const values = this.#values;
    let [low, high] = [0, values.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (values[middle]! < score) low = middle + 1;
      else high = middle;
    }
    if (values[low] === score) this.#equal[low]!++;
    else this.#above[low]!++;
  }

  /** Numbers above a value, and other numbers equal to it. */
  of(value: number): { better: number; tied: number } {
    const at = this.#values.indexOf(value);
    let better = this.#above[this.#values.length]!;
    for (let i = this.#values.length - 1; i > at; i--) better += this.#equal[i]! + this.#above[i]!;
    return { better, tied: this.#equal[at]! - 1 };
  }
}

/**
 * Ranks all items for each user once, for models that know users and no order: one row for each user, with all items of
 * the split as relevant items. Items of the history are no candidates.
 *
 * @throws RangeError for scores of another number, or that are not numbers.
 *
 * @example
 * ```ts
 * const { metrics, lists } = await rankUsers({
 *   targets: targetsByUser(domain.test),
 *   count: domain.items.ids.length,
 *   seen: domain.training,
 *   scores: (users) => model.scores(users),
 *   k: [20],
 * });
 * ```
 */
export async function rankUsers(options: UserRankingOptions): Promise<UserRanking> {
  const { targets, gains, count, seen, known, batchSize = 256, k = [10, 20], ties } = options;
  const { users, relevant, relevantEnds } = targets;
  const { depth = Math.max(...k) } = options;
  const better = new Int32Array(relevant.length);
  const tied = new Int32Array(relevant.length);
  const candidates = new Int32Array(users.length);
  const listEnds = new Int32Array(users.length);
  const listed: ReturnType<Best['take']>[] = [];
  // The last row that an item was excluded from, or relevant to, so that nothing needs clearing between rows.
  const excluded = new Int32Array(count + 1).fill(-1);
  const best = new Best(depth);
  const standing = new Standing();

  const rankRow = (row: number, scores: Float32Array | Float64Array): void => {
    const user = users[row]!;
    const own = relevant.subarray(relevantEnds[row - 1] ?? 0, relevantEnds[row]);
    if (seen) for (let at = seen.starts[user]!; at < seen.ends[user]!; at++) excluded[seen.items[at]!] = row;
    for (const item of own) excluded[item] = -1;
    standing.start(
      Array.from(
        own.filter((item) => isKnown(item)),
        (item) => scores[item]!,
      ),
    );
    best.clear();
    let number = 0;
    for (let item = 1; item <= count; item++) {
      if (excluded[item] === row || (known && known[item] === 0)) continue;
      const score = scores[item]!;
      if (Number.isNaN(score))
        throw new RangeError(`rankUsers: scores must be numbers, got NaN for item ${item} and user ${user}`);
      number++;
      if (score >= standing.lowest) standing.add(score);
      if (score > best.least || best.size < depth) best.push(item, score);
    }
    candidates[row] = number;
    own.forEach((item, i) => {
      const at = (relevantEnds[row - 1] ?? 0) + i;
      const found = isKnown(item) ? standing.of(scores[item]!) : { better: nowhere, tied: 0 };
      better[at] = found.better;
      tied[at] = found.tied;
    });
    listed.push(best.take());
    listEnds[row] = (listEnds[row - 1] ?? 0) + best.size;
  };
  const isKnown = (item: number): boolean => !known || known[item] !== 0;

  for (let from = 0; from < users.length; from += batchSize) {
    const batch = users.subarray(from, from + batchSize);
    const scores = await readScores(await options.scores(batch));
    if (scores.length !== batch.length * (count + 1))
      throw new RangeError(
        `rankUsers: scores must hold B*(N+1)=${batch.length * (count + 1)} values, got ${scores.length}`,
      );
    for (let b = 0; b < batch.length; b++)
      rankRow(from + b, scores.subarray(b * (count + 1), (b + 1) * (count + 1)));
  }
  const items = new Int32Array(listEnds.at(-1) ?? 0);
  const listScores = new Float64Array(items.length);
  for (const [row, list] of listed.entries()) {
    const start = listEnds[row]! - list.items.length;
    items.set(list.items, start);
    listScores.set(list.scores, start);
  }
  const places = { better, tied, relevantEnds, candidates, gains };
  const lists = { items, listEnds, relevant, relevantEnds, gains, depth };
  return { ...places, users, lists, listScores, metrics: metricsWith(places, k, options.metrics, ties) };
}

/** Scores on the host; a tensor is disposed. */
export async function readScores(scores: UserScores): Promise<Float32Array | Float64Array> {
  if (!(scores instanceof tf.Tensor)) return scores;
  const read = (await scores.data()) as Float32Array;
  scores.dispose();
  return read;
}
