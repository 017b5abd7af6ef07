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
 * Rows of each source in batch `step`, summing to B: shares proportional to (rows of the source) to the power `balance`, rounded so that over the epoch every
 * source gets what it is due.
 */
export function quotas(counts: readonly number[], balance: number, size: number, step: number): number[] {
  const weights = counts.map((count) => count ** balance);
  const total = weights.reduce((a, b) => a + b, 0);
  let cumulative = 0;
  // Rounding cumulative shares, over sources and over steps, keeps both sums exact.
  const until = (share: number, steps: number) => Math.round(share * size * steps);
  return weights.map((weight, d) => {
    const before = cumulative / total;
    cumulative += weight;
    const after = d === weights.length - 1 ? 1 : cumulative / total;
    return until(after, step + 1) - until(before, step + 1) - (until(after, step) - until(before, step));
  });
}

/**
 * Batches of an epoch over several sources. Each source goes round its own shuffled rows, as often as its share asks; an
 * epoch has as many rows as the sources together. With one source, or `balance` 1, that is once through everything.
 *
 * @param sources - Rows to train on.
 * @param options - B, and `balance` as in the model's options.
 * @param random - Shuffles.
 */
export function* sourceBatches(
  sources: readonly SourceRows[],
  options: { size: number; balance: number },
  random: RandomStream,
): Generator<SourceBatch, void, undefined> {
  const { balance } = options;
  const counts = sources.map(({ rows }) => rows.targets.length);
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
  for (let step = 0; step < Math.floor(total / size); step++) {
    const picked: [domain: number, row: number][] = [];
    if (joint)
      for (const row of joint.subarray(step * size, (step + 1) * size)) {
        const d = starts.findLastIndex((start) => start <= row);
        picked.push([d, row - starts[d]!]);
      }
    else
      for (const [d, count] of quotas(counts, balance, size, step).entries())
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
