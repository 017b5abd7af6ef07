import type { Rows } from '@ferry/data';
import type { RandomStream } from '@ferry/engine';

/** A batch of rows of several domains, item numbers of the joint catalogue. */
export interface SourceBatch {
  /** [B * stride], right-padded with 0. */
  history: Int32Array;
  /** [B] */
  lengths: Int32Array;
  /** [B] */
  targets: Int32Array;
}

/** Rows of a domain and where its items stand in the joint catalogue. */
export interface SourceRows {
  /** Histories and targets in the domain's own numbers. */
  rows: Rows;
  /** Added to them. */
  offset: number;
}

/**
 * Rows of each source in one batch after another, each summing to B. Sources are due shares of the rows so far,
 * proportional to (rows of the source) to the power `balance`; a batch gives each the whole rows it is owed, and those
 * left over to the largest remainders.
 *
 * @param counts - Rows of each source, at least one.
 */
export function* quotas(
  counts: readonly number[],
  balance: number,
  size: number,
): Generator<number[], never, undefined> {
  const weights = counts.map((count) => count ** balance);
  const total = weights.reduce((a, b) => a + b, 0);
  const given = counts.map(() => 0);
  for (let batch = 1; ; batch++) {
    const owed = weights.map((weight, d) => (weight / total) * size * batch - given[d]!);
    // A source that is ahead is owed less than nothing, and takes nothing.
    const taken = owed.map((due) => Math.max(0, Math.floor(due)));
    let left = size - taken.reduce((a, b) => a + b, 0);
    const remainder = (d: number): number => owed[d]! - taken[d]!;
    const extreme = (sign: number): number => {
      let best = -1;
      for (let d = 0; d < taken.length; d++)
        if ((sign > 0 || taken[d]! > 0) && (best < 0 || sign * remainder(d) > sign * remainder(best)))
          best = d;
      return best;
    };
    for (; left > 0; left--) taken[extreme(1)]!++;
    for (; left < 0; left++) taken[extreme(-1)]!--;
    taken.forEach((count, d) => (given[d]! += count));
    yield taken;
  }
}

/**
 * Batches of an epoch over several sources. Each source goes round its own shuffled rows, as often as its share asks;
 * an epoch has as many rows as the sources together. With one source, or `balance` 1, that is once through everything.
 *
 * @param sources - Rows to train on.
 * @param options - B, and `balance` as in the model's options.
 * @param random - Shuffles.
 * @throws Error naming a source without rows.
 */
export function* sourceBatches(
  sources: readonly SourceRows[],
  options: { size: number; balance: number },
  random: RandomStream,
): Generator<SourceBatch, void, undefined> {
  const { balance } = options;
  const counts = sources.map(({ rows }) => rows.targets.length);
  const empty = counts.indexOf(0);
  if (empty >= 0) throw new Error(`sourceBatches: source ${empty + 1} of ${counts.length} has no rows`);
  const total = counts.reduce((a, b) => a + b, 0);
  const size = Math.min(options.size, total);
  const orders = counts.map((count, d) => ({
    random: random.split('source', d),
    order: Int32Array.from({ length: count }, (_, i) => i),
    at: count,
  }));
  const next = (d: number): number => {
    const state = orders[d]!;
    if (state.at === state.order.length) {
      state.random.shuffle(state.order);
      state.at = 0;
    }
    return state.order[state.at++]!;
  };
  // The released way: one shuffle of all rows.
  const joint =
    balance === 1
      ? random.split('joint').shuffle(Int32Array.from({ length: total }, (_, i) => i))
      : undefined;
  const starts = counts.map((_, d) => counts.slice(0, d).reduce((a, b) => a + b, 0));
  const shares = quotas(counts, balance, size);
  for (let step = 0; step < Math.floor(total / size); step++) {
    const picked: [domain: number, row: number][] = [];
    if (joint)
      for (const row of joint.subarray(step * size, (step + 1) * size)) {
        const d = starts.findLastIndex((start) => start <= row);
        picked.push([d, row - starts[d]!]);
      }
    else
      for (const [d, count] of shares.next().value.entries())
        for (let i = 0; i < count; i++) picked.push([d, next(d)]);
    yield gather(sources, picked);
  }
}

function gather(sources: readonly SourceRows[], picked: readonly [number, number][]): SourceBatch {
  const lengths = Int32Array.from(picked, ([d, row]) => {
    const { starts, ends } = sources[d]!.rows;
    return ends[row]! - starts[row]!;
  });
  const stride = lengths.reduce((a, b) => Math.max(a, b), 1);
  const history = new Int32Array(picked.length * stride);
  const targets = new Int32Array(picked.length);
  picked.forEach(([d, row], b) => {
    const { rows, offset } = sources[d]!;
    const from = rows.starts[row]!;
    for (let l = 0; l < lengths[b]!; l++) history[b * stride + l] = rows.items[from + l]! + offset;
    targets[b] = rows.targets[row]! + offset;
  });
  return { history, lengths, targets };
}
