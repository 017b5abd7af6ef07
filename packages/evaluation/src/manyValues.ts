import { rowsOf, type ManyPlaces, type ManyRow, type TieGroup } from './manyPlaces.ts';
import type { TieRule } from './places.ts';

/** Σ 1 / log2(place + 1) over the places 1..n, for every n that was asked for. */
const discounts = [0];

function discount(n: number): number {
  while (discounts.length <= n) discounts.push(discounts.at(-1)! + 1 / Math.log2(discounts.length + 1));
  return discounts[n]!;
}

/** How many of a group's places are within the first k. */
const within = ({ before, width }: TieGroup, k: number): number => Math.min(Math.max(k - before, 0), width);

/** Adds up something over groups of ties. */
const sumOf = ({ groups }: ManyRow, value: (group: TieGroup) => number): number =>
  groups.reduce((sum, group) => sum + value(group), 0);

/** Relevant items expected within the first k. */
const found = (row: ManyRow, k: number): number =>
  sumOf(row, (group) => (group.count * within(group, k)) / group.width);

/** Probability that any relevant item is within the first k. */
function hit({ groups }: ManyRow, k: number): number {
  let miss = 1;
  for (const group of groups) {
    const outside = group.width - within(group, k);
    // All of the group's relevant items fall on the places outside: without replacement.
    for (let i = 0; i < group.count; i++) miss *= Math.max(outside - i, 0) / (group.width - i);
  }
  return 1 - miss;
}

/** Expected 1 / place of the first relevant item, 0 beyond k. */
function reciprocal({ groups: [first] }: ManyRow, k: number): number {
  if (!first) return 0;
  const { before, width, count } = first;
  let sum = 0;
  // Probability that the best of `count` items drawn onto `width` places stands on the j-th.
  let probability = count / width;
  for (let j = 1; j <= within(first, k); j++) {
    sum += probability / (before + j);
    probability *= (width - j - count + 1) / (width - j);
    if (probability === 0) break;
  }
  return sum;
}

/** Σ of the precision at each relevant item within the first k. */
function precisions(row: ManyRow, k: number): number {
  let earlier = 0;
  return sumOf(row, (group) => {
    const { before, width, count } = group;
    let sum = 0;
    for (let j = 1; j <= within(group, k); j++) {
      const tiedBefore = width > 1 ? ((count - 1) * (j - 1)) / (width - 1) : 0;
      sum += (earlier + 1 + tiedBefore) / (before + j);
    }
    earlier += count;
    return (count * sum) / width;
  });
}

function ideal(gains: readonly number[], k: number): number {
  return gains.slice(0, k).reduce((sum, gain, i) => sum + gain / Math.log2(i + 2), 0);
}

const discounted = (row: ManyRow, k: number, of: (group: TieGroup) => number): number =>
  sumOf(
    row,
    (group) =>
      (of(group) / group.width) * (discount(group.before + within(group, k)) - discount(group.before)),
  );

/** Mean over n = 1..k of the precision of the first n. */
function meanPrecision(row: ManyRow, k: number): number {
  let sum = 0;
  for (let n = 1; n <= k; n++) sum += found(row, n) / n;
  return sum / k;
}

/** Metrics of rows with any number of relevant items, with a cutoff. */
export const manyMetrics = {
  recall: (row, k) => found(row, k) / row.gains.length,
  precision: (row, k) => found(row, k) / k,
  hit,
  ndcg: (row, k) => discounted(row, k, ({ count }) => count) / discount(Math.min(row.gains.length, k)),
  'ndcg-graded': (row, k) => discounted(row, k, ({ gain }) => gain) / ideal(row.gains, k),
  mrr: reciprocal,
  map: (row, k) => precisions(row, k) / Math.min(row.gains.length, k),
  'map-elliot': meanPrecision,
} satisfies Record<string, (row: ManyRow, k: number) => number>;

/** A metric of rows with any number of relevant items. */
export type ManyMetric = keyof typeof manyMetrics;

/**
 * A metric of every row over the first k candidates, ties by their expectation over all orders of equal scores:
 * `recall` (found / relevant), `precision` (found / k), `hit` (1 if any is found), `ndcg` (Σ 1 / log2(place + 1), as a
 * share of the best order's), `ndcg-graded` (the same with gains), `mrr` (1 / place of the first), `map` (Σ precision
 * at the relevant items' places, over min(relevant, k)), `map-elliot` (mean of precision@1..k, what Elliot calls MAP).
 *
 * @param k - Infinity for the whole ranking.
 * @returns [R]; NaN for rows without relevant items, which have no value.
 */
export function manyValues(
  places: ManyPlaces,
  metric: ManyMetric,
  k: number,
  ties: TieRule = 'mid-rank',
): Float64Array {
  const measure = manyMetrics[metric];
  return Float64Array.from(rowsOf(places, ties), (row) => (row.gains.length === 0 ? NaN : measure(row, k)));
}

/**
 * The area under the ROC curve of every row: the share of pairs of a relevant and another candidate that are in the
 * right order, a tie counting half (by the default rule). A relevant item that is no candidate is behind all.
 *
 * @returns [R]; NaN for rows without relevant items or without other candidates.
 * @throws RangeError if the rows' candidates are not known.
 */
export function areas(places: ManyPlaces, ties: TieRule = 'mid-rank'): Float64Array {
  const { candidates } = places;
  if (!candidates)
    throw new RangeError('areas: AUC needs the whole ranking of each row, and the number of its candidates');
  const share = { 'mid-rank': 0.5, pessimistic: 1, optimistic: 0 }[ties];
  let r = 0;
  return Float64Array.from(rowsOf(places, 'mid-rank'), ({ groups, gains, known }) => {
    const others = candidates[r++]! - known;
    let earlier = 0;
    let worse = 0;
    for (const { before, width, count } of groups) {
      worse += count * (others - (before - earlier) - share * (width - count));
      earlier += count;
    }
    return gains.length > 0 && others > 0 ? worse / (others * gains.length) : NaN;
  });
}

/** Mean of {@link areas} over relevant items instead of rows: rows weigh by how many they have. */
export function pooledArea(places: ManyPlaces, ties: TieRule = 'mid-rank', mask?: ArrayLike<number>): number {
  const values = areas(places, ties);
  let [sum, weights] = [0, 0];
  values.forEach((value, r) => {
    if (mask?.[r] === 0 || Number.isNaN(value)) return;
    const weight = places.relevantEnds[r]! - (places.relevantEnds[r - 1] ?? 0);
    sum += weight * value;
    weights += weight;
  });
  return sum / weights;
}
