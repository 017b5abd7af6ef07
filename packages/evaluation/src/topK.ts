/** Options of {@link topK}. */
export interface TopKOptions {
  /** How many items are wanted. */
  k: number;
  /** Items that must not appear. */
  exclude?: Iterable<number>;
}

/**
 * The items of highest score, best first; equal scores by item number. Padding (item 0), excluded items and
 * items of score -Infinity or NaN never appear, so fewer than k may come back.
 *
 * @param scores - One row [N+1].
 * @returns item numbers and their scores.
 * @throws RangeError unless k is a positive integer.
 */
export function topK(
  scores: Float32Array | Float64Array,
  options: TopKOptions,
): { items: number[]; scores: number[] } {
  const { k, exclude = [] } = options;
  if (!Number.isInteger(k) || k < 1) throw new RangeError(`topK: k must be a positive integer, got ${k}`);
  const skipped = new Set(exclude);
  const items: number[] = [];
  const best: number[] = [];
  for (let item = 1; item < scores.length; item++) {
    const score = scores[item]!;
    const worst = best.length < k ? -Infinity : best[k - 1]!;
    if (!(score > worst) || skipped.has(item)) continue;
    let at = best.length;
    while (at > 0 && best[at - 1]! < score) at--;
    best.splice(at, 0, score);
    items.splice(at, 0, item);
    if (best.length > k) {
      best.pop();
      items.pop();
    }
  }
  return { items, scores: best };
}
