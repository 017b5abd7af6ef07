import { RandomStream } from '@ferry/engine';
import type { Places } from './places.ts';

/** A ranking among a sample of the catalogue instead of all of it. */
export interface SampledRanking {
  /** How many negatives a row has; fewer where there are not as many. */
  count: number;
  /** Each item alike, or in proportion to its training interactions. */
  draw: 'uniform' | 'popularity';
  /** One seed gives one sample, the same for every model. */
  seed: number;
  /** Training interactions of each item, which `popularity` draws by; [N + 1]. */
  popularity?: Int32Array;
}

/** A sampled ranking in words, kept with what it gave. */
export function sampledWords({ count, draw, seed }: SampledRanking): string {
  return `${count} ${draw === 'uniform' ? 'uniform' : 'popular'} negatives, seed ${seed}`;
}

/** Draws items without replacement. */
type Draw = (random: RandomStream, excluded: ReadonlySet<number>) => Int32Array;

/** The first of ascending sums that is above a value. */
function firstAbove(sums: Float64Array, value: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sums[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The negatives of a row: drawn one after the other, those that are excluded or drawn already thrown back. */
function drawFrom(items: number, { count, draw, popularity }: SampledRanking): Draw {
  const weights = Float64Array.from({ length: items + 1 }, (_, item) =>
    item === 0 ? 0 : draw === 'uniform' ? 1 : popularity![item]!,
  );
  const sums = new Float64Array(items + 1);
  for (let item = 1; item <= items; item++) sums[item] = sums[item - 1]! + weights[item]!;
  const total = sums[items]!;
  const possible = weights.reduce((sum, weight) => sum + (weight > 0 ? 1 : 0), 0);
  return (random, excluded) => {
    let left = possible;
    for (const item of excluded) if (weights[item]! > 0) left--;
    if (left <= count)
      return Int32Array.from(weights.keys()).filter((item) => weights[item]! > 0 && !excluded.has(item));
    const drawn = new Set<number>();
    // Near the end of a small catalogue most draws are thrown back: then what is left is shuffled by its weights.
    for (let tries = 0; drawn.size < count && tries < 50 * count; tries++) {
      const item =
        draw === 'uniform' ? 1 + random.integer(items) : firstAbove(sums, random.uniform() * total);
      if (!excluded.has(item)) drawn.add(item);
    }
    if (drawn.size < count) {
      const rest = Array.from(weights.keys()).filter(
        (item) => weights[item]! > 0 && !excluded.has(item) && !drawn.has(item),
      );
      // The least of exponential times with rates in proportion to the weights: a draw without replacement.
      const times = new Map(rest.map((item) => [item, -Math.log(1 - random.uniform()) / weights[item]!]));
      rest.sort((a, b) => times.get(a)! - times.get(b)!);
      for (const item of rest.slice(0, count - drawn.size)) drawn.add(item);
    }
    return Int32Array.from(drawn);
  };
}

/**
 * Ranks targets among negatives drawn for each row: items that are neither its target nor in its history. Numbers of
 * such a ranking cannot be compared with those of a full one, and may even order models otherwise (Krichene and Rendle
 * 2020).
 *
 * @param items - N.
 * @throws RangeError for a count below 1, or `popularity` without the items' interactions.
 */
export function sampledPlaces(
  items: number,
  sampled: SampledRanking,
): (
  scores: ArrayLike<number>,
  row: number,
  target: number,
  history: ArrayLike<number>,
) => Required<RowPlace> {
  const { count, draw, seed, popularity } = sampled;
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`sampledPlaces: count must be a positive integer, got ${count}`);
  if (draw === 'popularity' && popularity?.length !== items + 1)
    throw new RangeError(`sampledPlaces: popularity needs the interactions of N+1=${items + 1} items`);
  const pick = drawFrom(items, sampled);
  const random = RandomStream.fromSeed(seed).split('negatives');
  return (scores, row, target, history) => {
    const excluded = new Set(Array.from(history));
    excluded.add(target);
    const negatives = pick(random.split(String(row)), excluded);
    const own = scores[target]!;
    let [better, tied] = [0, 0];
    for (const item of negatives) {
      const score = scores[item]!;
      if (Number.isNaN(score) || Number.isNaN(own))
        throw new RangeError(`sampledPlaces: scores must be numbers, got NaN in row ${row}`);
      if (score > own) better++;
      else if (score === own) tied++;
    }
    return { better, tied, candidates: negatives.length + 1 };
  };
}

/** Where one row's target stands. */
type RowPlace = { [key in keyof Omit<Places, 'sampled'>]: number };
