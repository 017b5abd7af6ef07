import { RandomStream } from '@ferry/engine';
import type { Impressions } from '../../src/index.ts';

/** Impressions with these labels; news are numbered 1, 2, … in each. */
export function withLabels(labels: readonly (readonly number[])[]): Impressions {
  const ends = [0];
  for (const own of labels) ends.push(ends.at(-1)! + own.length);
  const count = labels.length;
  return {
    source: 'by hand',
    count,
    ids: Float64Array.from(labels, (_, row) => row + 1),
    users: new Int32Array(count),
    times: new Float64Array(count),
    history: new Int32Array(0),
    historyStarts: new Int32Array(count),
    historyEnds: new Int32Array(count),
    candidates: {
      offsets: Int32Array.from(ends),
      values: Int32Array.from(labels.flatMap((own) => own.map((_, at) => at + 1))),
    },
    labels: Uint8Array.from(labels.flat()),
  };
}

/** Impressions of random length and labels with random scores of few values, so that many are equal. */
export function randomImpressions(
  count: number,
  { longest, values, seed }: { longest: number; values: number; seed: number },
): { labels: number[][]; scores: number[][] } {
  const random = RandomStream.fromSeed(seed);
  const labels = Array.from({ length: count }, () =>
    Array.from({ length: random.integer(longest) }, () => (random.uniform() < 0.3 ? 1 : 0)),
  );
  const scores = labels.map((own) => own.map(() => random.integer(values) / values));
  return { labels, scores };
}
