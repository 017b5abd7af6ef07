import type { Batch, Sequences } from '@ferry/data';

/**
 * A recommender without training: fills one row of scores.
 *
 * @param history - Item numbers, oldest first, at least one.
 * @param scores - [N+1], zeros on entry; entry 0 (padding) is ignored.
 */
export type Baseline = (history: Int32Array, scores: Float32Array | Float64Array) => void;

/** Calls `visit` with each sequence. */
function eachHistory({ items, starts, ends }: Sequences, visit: (history: Int32Array) => void): void {
  starts.forEach((start, r) => {
    visit(items.subarray(start, ends[r]));
  });
}

/** How often each item occurs in sequences, such as the `training` of a domain; [N+1]. */
export function historyCounts(rows: Sequences, count: number): Int32Array {
  const counts = new Int32Array(count + 1);
  eachHistory(rows, (history) => {
    for (const item of history) counts[item]!++;
  });
  return counts;
}

/** Scores items by how often they occur in training sequences, the same for everyone. */
export function popularity(rows: Sequences, count: number): Baseline {
  const counts = historyCounts(rows, count);
  return (_, scores) => {
    scores.set(counts);
  };
}

/**
 * First-order Markov chain: scores item j by how often it directly followed the history's last item, plus
 * 1e-6 times its popularity, which orders the items that never did.
 */
export function markov(rows: Sequences, count: number): Baseline {
  const counts = historyCounts(rows, count);
  const followers = new Map<number, Map<number, number>>();
  eachHistory(rows, (history) => {
    for (let i = 1; i < history.length; i++) {
      const from = history[i - 1]!;
      const next = followers.get(from) ?? new Map<number, number>();
      followers.set(from, next);
      next.set(history[i]!, (next.get(history[i]!) ?? 0) + 1);
    }
  });
  return (history, scores) => {
    for (let item = 1; item <= count; item++) scores[item] = 1e-6 * counts[item]!;
    followers.get(history[history.length - 1]!)?.forEach((times, item) => {
      scores[item]! += times;
    });
  };
}

/**
 * Item-based collaborative filtering: scores item j by the sum over the history's items i of (users of both)
 * / sqrt(n_i n_j), n being the items' interactions, plus 1e-6 times its popularity, which orders the items
 * without a common user. An item is not a neighbour of itself.
 */
export function itemCosine(rows: Sequences, count: number): Baseline {
  const counts = historyCounts(rows, count);
  const together = Array.from({ length: count + 1 }, () => new Map<number, number>());
  eachHistory(rows, (history) => {
    const items = [...new Set(history)];
    for (const a of items)
      for (const b of items) if (a !== b) together[a]!.set(b, (together[a]!.get(b) ?? 0) + 1);
  });
  return (history, scores) => {
    for (let item = 1; item <= count; item++) scores[item] = 1e-6 * counts[item]!;
    for (const item of history)
      together[item]!.forEach((users, other) => {
        scores[other]! += users / Math.sqrt(counts[item]! * counts[other]!);
      });
  };
}

/** A baseline as the `scores` of an evaluation. */
export function baselineScores(baseline: Baseline, count: number): (batch: Batch) => Float64Array {
  return (batch) => {
    const scores = new Float64Array(batch.size * (count + 1));
    for (let b = 0; b < batch.size; b++) {
      const start = b * batch.length;
      baseline(
        batch.history.subarray(start, start + batch.lengths[b]!),
        scores.subarray(b * (count + 1), (b + 1) * (count + 1)),
      );
    }
    return scores;
  };
}
