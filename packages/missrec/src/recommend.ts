import { tf } from '@ferry/engine';
import { topK } from '@ferry/evaluation';
import type { Modality } from '@ferry/features';
import { modalitiesOf } from '@ferry/sequential';
import type { Ranker } from './rank.ts';
import type { MissRecModel } from './session.ts';

/** An interest that a history touches. */
export interface FiredInterest {
  /** 1..K */
  interest: number;
  /** Attention the recommendation pays to it, in [0, 1]; all of a history's sum to 1. */
  weight: number;
  /** Items of the history that stand for it, and by which modality. */
  because: { item: number; modality: Modality }[];
}

/** What {@link recommend} finds. */
export interface Recommendation {
  /** Item numbers, best first. */
  items: number[];
  /** Their scores, cosines in [-1, 1]. */
  scores: number[];
  /** Interests of the history, the most attended first; none with interests `none`. */
  interests: FiredInterest[];
}

/** Settings of {@link recommend}. */
export interface RecommendOptions {
  /** How many items. Default 10. */
  k?: number | undefined;
  /** Whether items of the history may be recommended again. Default false. */
  repeat?: boolean | undefined;
}

/**
 * The items a history leads to, and the interests that fired.
 *
 * @param ranker - Of the model.
 * @param model - The model.
 * @param history - Item numbers, oldest first.
 * @param options - How many.
 * @throws RangeError if the history is empty or holds an unknown item.
 */
export async function recommend(
  ranker: Ranker,
  model: MissRecModel,
  history: readonly number[],
  options: RecommendOptions = {},
): Promise<Recommendation> {
  const { k = 10, repeat = false } = options;
  const scored = ranker.score([history]);
  const scores = (await scored.scores.data()) as Float32Array;
  const attended = scored.attended ? ((await scored.attended.data()) as Float32Array) : undefined;
  tf.dispose([scored.scores]);
  scored.attended?.dispose();
  const best = topK(scores, { k, exclude: repeat ? [] : history });
  const seen = history.slice(-model.options.positions);
  const modalities = modalitiesOf(model.options);
  const interests: FiredInterest[] = [];
  for (let q = 0; q < scored.slots; q++) {
    const interest = scored.interests[q]!;
    if (interest === 0) continue;
    const because = modalities.flatMap((modality, m) =>
      [...new Set(seen)]
        .filter((item) => ranker.interests?.lookups[m]?.[item] === interest)
        .map((item) => ({ item, modality })),
    );
    interests.push({ interest, weight: attended?.[q] ?? 0, because });
  }
  interests.sort((a, b) => b.weight - a.weight || a.interest - b.interest);
  return { items: best.items, scores: best.scores, interests };
}
