import { batches, type Rows } from '@ferry/data';
import { topK, type RankedLists } from '@ferry/evaluation';
import type { Modality } from '@ferry/features';
import { scoresOf, type Ranking } from './ranking.ts';
import type { Recommender } from './recommender.ts';
import { latestItems } from './rows.ts';
import type { ModelTypes } from './types.ts';

/** Lists with the score of each entry. */
export interface ScoredLists extends RankedLists {
  /** Score of each entry of `items`. */
  readonly scores: Float32Array;
  /** Items that were asked for. */
  readonly depth: number;
}

/** How {@link topLists} recommends. */
export interface ListOptions {
  /** Items of each list. */
  depth: number;
  /** Whether items of the history may be in it. */
  history: 'keep' | 'mask';
  /** Modalities that no item has. Default none. */
  without?: readonly Modality[];
  /** Rows scored at once. Default 256. */
  batchSize?: number;
}

/**
 * The best items of every row, best first; equal scores by item number. A row's target stays a candidate, as in
 * evaluation.
 */
export async function topLists<T extends ModelTypes>(
  ranking: Ranking<T>,
  { model, options: settings }: Recommender<T>,
  rows: Rows,
  { depth, history, without = [], batchSize = 256 }: ListOptions,
): Promise<ScoredLists> {
  const count = rows.targets.length;
  const found: { items: number[]; scores: number[] }[] = Array.from({ length: count }, () => ({
    items: [],
    scores: [],
  }));
  const ranker = ranking.ranker(without);
  const seen = latestItems(rows, model.positions(settings));
  try {
    for (const batch of batches(seen, {
      size: batchSize,
      order: Int32Array.from(rows.targets.keys()),
      grouping: 'grouped',
      last: 'fill',
    })) {
      const scores = await scoresOf(ranker, batch);
      const columns = scores.length / batch.size;
      for (let b = 0; b < batch.valid; b++) {
        const row = batch.rows[b]!;
        const own = new Set(history === 'mask' ? rows.items.subarray(rows.starts[row], rows.ends[row]) : []);
        own.delete(rows.targets[row]!);
        found[row] = topK(scores.subarray(b * columns, (b + 1) * columns), { k: depth, exclude: own });
      }
    }
  } finally {
    ranker.dispose();
  }
  let end = 0;
  return {
    items: Int32Array.from(found.flatMap(({ items }) => items)),
    scores: Float32Array.from(found.flatMap(({ scores }) => scores)),
    listEnds: Int32Array.from(found, ({ items }) => (end += items.length)),
    depth,
  };
}
