import { requireDepth, type Lists, type RankedLists } from './lists.ts';
import { listPlaces } from './manyPlaces.ts';
import { maskedMean } from './metrics.ts';

/** What metrics beyond accuracy know of training. Letters: N items, U users. */
export interface TrainingUse {
  /** Training users of each item, each counted once, entry 0 for padding; [N + 1]. */
  readonly popularity: Int32Array;
  /** U: users with a training interaction. */
  readonly users: number;
  /** Items that can be recommended, which Gini and coverage are shares of. Default N. */
  readonly items?: number;
}

/** Metrics of whole lists, beyond accuracy. */
export const exposureMetrics = ['items', 'coverage', 'gini', 'entropy'] as const;

/** Metrics that each list has, beyond accuracy. */
export const noveltyMetrics = ['efd', 'epc', 'arp', 'aplt', 'aclt'] as const;

/** A metric beyond accuracy. */
export type BeyondMetric = (typeof exposureMetrics)[number] | (typeof noveltyMetrics)[number];

/**
 * {@link TrainingUse} of training sequences.
 *
 * @param training - Each user's training items.
 * @param count - N.
 */
export function trainingUse(
  { items, starts, ends }: { items: Int32Array; starts: Int32Array; ends: Int32Array },
  count: number,
): TrainingUse {
  const popularity = new Int32Array(count + 1);
  const lastUser = new Int32Array(count + 1).fill(-1);
  let users = 0;
  for (const [user, start] of starts.entries()) {
    if (ends[user]! > start) users++;
    for (let at = start; at < ends[user]!; at++) {
      const item = items[at]!;
      if (lastUser[item] === user) continue;
      lastUser[item] = user;
      popularity[item]!++;
    }
  }
  return { popularity, users };
}

/**
 * 1 for items of the long tail, 0 for the short head: the most popular items (equal ones by number) until they hold
 * `share` of all training interactions, the one that reaches it included; [N + 1].
 */
export function longTail(popularity: Int32Array, share = 0.8): Uint8Array {
  const order = Array.from({ length: popularity.length - 1 }, (_, i) => i + 1);
  order.sort((a, b) => popularity[b]! - popularity[a]! || a - b);
  const enough = share * popularity.reduce((sum, count) => sum + count, 0);
  const tail = new Uint8Array(popularity.length).fill(1);
  tail[0] = 0;
  let covered = 0;
  for (const item of order) {
    if (covered >= enough) break;
    tail[item] = 0;
    covered += popularity[item]!;
  }
  return tail;
}

/** Calls `visit` with the first k of each list. */
function eachList(
  { items, listEnds }: RankedLists,
  k: number,
  visit: (list: Int32Array, row: number) => void,
): void {
  for (let r = 0; r < listEnds.length; r++) {
    const start = listEnds[r - 1] ?? 0;
    visit(items.subarray(start, Math.min(start + k, listEnds[r]!)), r);
  }
}

/** Sum of values discounted by their place, over the sum of the discounts. */
function discountedMean(list: Int32Array, value: (item: number) => number): number {
  let [sum, weights] = [0, 0];
  list.forEach((item, place) => {
    const discount = 1 / Math.log2(place + 2);
    sum += discount * value(item);
    weights += discount;
  });
  return weights > 0 ? sum / weights : 0;
}

/** What an item of each kind adds to a list's novelty. */
function noveltyOf({ popularity, users }: TrainingUse): {
  efd: (item: number) => number;
  epc: (item: number) => number;
} {
  let [total, least] = [0, Infinity];
  for (let item = 1; item < popularity.length; item++) {
    const count = popularity[item]!;
    total += count;
    if (count > 0) least = Math.min(least, count);
  }
  return {
    // An item that training does not know is as new as the least popular one.
    efd: (item) => -Math.log2((popularity[item]! || least) / total),
    epc: (item) => 1 - popularity[item]! / users,
  };
}

/**
 * A metric beyond accuracy of every list, as Elliot counts it (its names: EFD, EPC, ARP, APLT, ACLT), over the first k:
 * novelty of the relevant items among them, `efd` by how improbable an item is in training (bits) and `epc` by the
 * share of users who do not know it, both weighted by 1 / log2(place + 1); `arp`: mean number of training users; `aplt`
 * and `aclt`: share and number of items of the {@link longTail}.
 *
 * @returns [R]; NaN for `efd` and `epc` of rows without relevant items, and for `arp` and `aplt` of empty lists.
 */
export function noveltyValues(
  lists: Lists,
  metric: (typeof noveltyMetrics)[number],
  training: TrainingUse,
  k: number,
): Float64Array {
  requireDepth(lists, k);
  const values = new Float64Array(lists.listEnds.length);
  const { popularity } = training;
  if (metric === 'efd' || metric === 'epc') {
    const { better } = listPlaces(lists);
    const { relevant, relevantEnds } = lists;
    const novelty = noveltyOf(training)[metric];
    eachList(lists, k, (list, r) => {
      const start = relevantEnds[r - 1] ?? 0;
      const found = new Set<number>();
      for (let p = start; p < relevantEnds[r]!; p++) if (better[p]! < k) found.add(relevant[p]!);
      values[r] =
        relevantEnds[r] === start
          ? NaN
          : discountedMean(list, (item) => (found.has(item) ? novelty(item) : 0));
    });
    return values;
  }
  const tail = longTail(popularity);
  eachList(lists, k, (list, r) => {
    const sum = list.reduce((so, item) => so + (metric === 'arp' ? popularity[item]! : tail[item]!), 0);
    values[r] = metric === 'aclt' ? sum : list.length > 0 ? sum / list.length : NaN;
  });
  return values;
}

/** How often each item is in the first k of the lists, and Shannon's entropy as Elliot weighs it. */
function exposure(
  lists: RankedLists,
  k: number,
): { counts: Map<number, number>; entropy: number; total: number } {
  const counts = new Map<number, number>();
  const weights = new Map<number, number>();
  let total = 0;
  eachList(lists, k, (list) => {
    for (const item of list) {
      counts.set(item, (counts.get(item) ?? 0) + 1);
      weights.set(item, (weights.get(item) ?? 0) + 1 / list.length);
      total++;
    }
  });
  let entropy = 0;
  for (const [item, weight] of weights) entropy -= weight * Math.log2(counts.get(item)! / total);
  return { counts, entropy: entropy / lists.listEnds.length, total };
}

/**
 * Metrics of the first k of all lists together, as Elliot counts them: `items`: how many items are recommended to
 * anyone (Elliot's ItemCoverage), `coverage`: their share of all items (iCov); `gini`: 1 - Gini's index of how often
 * items are recommended, the higher the more evenly; `entropy`: Shannon's entropy of it in bits (SEntropy).
 *
 * @returns NaN for lists that are all empty.
 */
export function exposureValues(
  lists: RankedLists,
  { popularity, items = popularity.length - 1 }: Pick<TrainingUse, 'popularity' | 'items'>,
  k: number,
): Record<(typeof exposureMetrics)[number], number> {
  requireDepth(lists, k);
  const { counts, entropy, total } = exposure(lists, k);
  const sorted = [...counts.values()].sort((a, b) => a - b);
  const n = sorted.length;
  const index = sorted.reduce((sum, c, j) => sum + ((2 * (j + 1 + items - n) - items - 1) * c) / total, 0);
  const gini = n === 0 ? NaN : items > 1 ? 1 - index / (items - 1) : 1;
  return { items: n, coverage: n / items, gini, entropy: n === 0 ? NaN : entropy };
}

/** Every metric beyond accuracy at some cutoffs, as `gini@10`. */
export function beyondAccuracy(
  lists: Lists,
  training: TrainingUse,
  cutoffs: readonly number[],
): Record<string, number> {
  const found: Record<string, number> = {};
  for (const k of cutoffs) {
    for (const [name, value] of Object.entries(exposureValues(lists, training, k)))
      found[`${name}@${k}`] = value;
    for (const name of noveltyMetrics)
      found[`${name}@${k}`] = maskedMean(noveltyValues(lists, name, training, k));
  }
  return found;
}
