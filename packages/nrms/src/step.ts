import { embedding, tf } from '@ferry/engine';
import { paddingMask } from '@ferry/nn';
import { clicksOf, distinctNews, padClicks } from './batches.ts';
import type { AnyNewsModel, Clicks, NewsInputs, NewsStep } from './contract.ts';
import type { Impressions } from './mind/types.ts';
import { candidateScores, disposeInputs, type NewsRecommender } from './recommender.ts';
import type { Samples } from './sampler.ts';

/** What a step of training is computed from. */
export interface StepInputs {
  /** The distinct news of the batch. */
  readonly news: NewsInputs;
  /** Where the clicked news are among them, 0 behind the last; int32 [B, H]. */
  readonly clicked: tf.Tensor2D;
  /** Where the candidates are, 0 for one that is missing; int32 [B, C]. */
  readonly candidates: tf.Tensor2D;
  /** 1 where a candidate was clicked, [B, C]. */
  readonly labels: tf.Tensor2D;
}

/**
 * Samples as tensors.
 *
 * @param impressions - What the samples were drawn from.
 * @param place - Room for the place of every news, [N + 1], zeros.
 */
export function stepInputs(
  recommender: NewsRecommender,
  impressions: Impressions,
  batch: Samples,
  place: Int32Array,
): StepInputs {
  const { options } = recommender;
  const B = batch.impressions.length;
  const clicks = padClicks(
    Array.from(batch.impressions, (r) => clicksOf(impressions, r, options)),
    options,
  );
  const { numbers, places } = distinctNews([clicks.news, batch.candidates], place);
  return {
    news: recommender.inputs(numbers),
    clicked: tf.tensor2d(places[0]!, [B, clicks.length], 'int32'),
    candidates: tf.tensor2d(places[1]!, [B, batch.columns], 'int32'),
    labels: tf.tensor2d(Float32Array.from(batch.labels), [B, batch.columns]),
  };
}

/** Frees what {@link stepInputs} made. */
export function disposeStep({ news, clicked, candidates, labels }: StepInputs): void {
  disposeInputs(news);
  tf.dispose([clicked, candidates, labels]);
}

/** Clicks that are all masked as those of the last row are (defect E2). */
function maskedAsLast({ vectors, hidden }: Clicks): Clicks {
  const [B, H] = hidden.shape;
  return { vectors, hidden: tf.tile(tf.slice(hidden, [B - 1, 0], [1, H]), [B, 1]) };
}

/** Scores of a step, [B, C]: each distinct news is encoded once and gathered for histories and candidates. */
export function stepScores(
  model: AnyNewsModel,
  step: NewsStep,
  { news, clicked, candidates }: StepInputs,
): tf.Tensor2D {
  const vectors = model.news(step, news);
  const clicks: Clicks = {
    vectors: embedding(vectors, clicked) as tf.Tensor3D,
    hidden: paddingMask(clicked) as tf.Tensor2D,
  };
  const seen = step.training && step.options.defects.includes('shared-mask') ? maskedAsLast(clicks) : clicks;
  return candidateScores(model, step, seen, embedding(vectors, candidates) as tf.Tensor3D);
}
