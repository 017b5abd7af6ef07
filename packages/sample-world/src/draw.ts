import type { RandomStream } from '@ferry/engine';

/** One entry of a list, uniformly. */
export function pick<T>(values: readonly T[], random: RandomStream): T {
  const value = values[random.integer(values.length)];
  if (value === undefined) throw new RangeError('pick: the list must not be empty, got 0 entries');
  return value;
}

/** `count` different entries of a list, in random order; all of them if the list is shorter. */
export function pickSome<T>(values: readonly T[], count: number, random: RandomStream): T[] {
  return random.shuffle([...values]).slice(0, count);
}

/** An index with probability proportional to its weight; -1 if every weight is zero. */
export function pickWeighted(weights: ArrayLike<number>, random: RandomStream): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i]!;
  let left = random.uniform() * total;
  let last = -1;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i]! <= 0) continue;
    last = i;
    left -= weights[i]!;
    if (left < 0) return i;
  }
  return last;
}

/** A whole number >= 0 with the given mean, geometric: each step onwards is taken with the same chance. */
export function geometric(mean: number, random: RandomStream, most: number): number {
  let value = 0;
  while (value < most && random.uniform() < mean / (1 + mean)) value++;
  return value;
}
