import { topK } from '@ferry/evaluation';
import type { Reason } from './contract.ts';
import type { CatalogueRanker } from './ranking.ts';
import type { Recommender } from './recommender.ts';
import type { ModelTypes } from './types.ts';

/** What {@link recommend} finds. */
export interface Recommendation {
  /** Item numbers, best first. */
  items: number[];
  /** Their scores. */
  scores: number[];
  /** Why, the most important reason first; none if the model gives none. */
  reasons: Reason[];
}

/** Settings of {@link recommend}. */
export interface RecommendOptions {
  /** How many items. Default 10; fewer come back if there are no more. */
  k?: number;
  /** Whether items of the history may be recommended again. Default false. */
  repeat?: boolean;
  /** Whether to ask the model why. Default true. */
  reasons?: boolean;
  /** Whose history it is, for models that know users: index into the domain's users. */
  user?: number;
}

/**
 * The items a history leads to, and why.
 *
 * @param ranker - Of the recommender.
 * @param recommender - The recommender.
 * @param history - Item numbers, oldest first.
 * @param options - How many.
 * @throws RangeError if the history is empty or holds an unknown item.
 */
export async function recommend<T extends ModelTypes>(
  ranker: CatalogueRanker<T>,
  { model, options: settings }: Recommender<T>,
  history: readonly number[],
  options: RecommendOptions = {},
): Promise<Recommendation> {
  const { k = 10, repeat = false, reasons: why = true, user } = options;
  const scored = ranker.score([history], user === undefined ? undefined : [user]);
  const { feed, queries } = scored;
  const scores = (await scored.scores.data()) as Float32Array;
  const seen = history.slice(-model.positions(settings));
  const reasons = why
    ? await model.explain?.(settings, { history: seen, feed, queries, state: ranker.state })
    : undefined;
  scored.dispose();
  const best = topK(scores, { k, exclude: repeat ? [] : history });
  return { items: best.items, scores: best.scores, reasons: reasons ?? [] };
}
