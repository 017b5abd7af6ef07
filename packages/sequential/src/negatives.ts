import type { RandomStream } from '@ferry/engine';

/**
 * Uniform negatives of R targets, each away from what its user has.
 *
 * @param R - Targets.
 * @param options - `count`: K. `items`: N. `seen`: items that are no negatives of target r.
 * @returns [R * K], items 1..N.
 * @throws RangeError if a user has every item.
 */
export function drawNegatives(
  R: number,
  options: {
    count: number;
    items: number;
    random: RandomStream;
    seen: (row: number) => ReadonlySet<number>;
  },
): Int32Array {
  const { count, items, random, seen } = options;
  const drawn = new Int32Array(R * count);
  for (let r = 0; r < R; r++) {
    const own = seen(r);
    if (own.size >= items)
      throw new RangeError(`drawNegatives: a user must lack at least one of the ${items} items, got none`);
    for (let k = 0; k < count; k++) {
      let item = 1 + random.integer(items);
      while (own.has(item)) item = 1 + random.integer(items);
      drawn[r * count + k] = item;
    }
  }
  return drawn;
}
