import { embedding, tf } from '@ferry/engine';
import { paddingMask } from '@ferry/nn';
import { clicksOf, distinctNews, padClicks } from './batches.ts';
import type { AnyNewsModel, Clicks, NewsCatalogue, NewsInputs, NewsStep } from './contract.ts';
import type { Impressions } from './mind/types.ts';
import { disposeInputs } from './inputs.ts';
import type { NewsRecommender } from './recommender.ts';
import type { Samples } from './sampler.ts';

/** What a step of training is computed from. */
export interface StepInputs {
  /** The distinct news of the batch. */
  readonly news: NewsInputs;
  /** Where the clicked news are among them, 0 behind the last; int32 [B, H]. */
  readonly clicked: tf.Tensor2D;
  /** Whose histories they are, int32 [B], for a model that knows users. */
  readonly users?: tf.Tensor1D;
  /** Where the candidates are, 0 for one that is missing; int32 [B, C]. */
  readonly candidates: tf.Tensor2D;
  /** 1 where a candidate was clicked, [B, C]. */
  readonly labels: tf.Tensor2D;
}

/**
 * Samples as tensors, and the news they read.
 *
 * @param impressions - What the samples were drawn from.
 * @param place - Room for the place of every news, [N + 1], zeros.
 * @param most - Of more news what encoders read is left out: they pass in parts. Default none.
 */
export function stepInputs(
  recommender: NewsRecommender,
  impressions: Impressions,
  batch: Samples,
  place: Int32Array,
  most = Infinity,
): { numbers: Int32Array; inputs: StepInputs } {
  const { options, catalogue } = recommender;
  const B = batch.impressions.length;
  const clicks = padClicks(
    Array.from(batch.impressions, (r) => clicksOf(impressions, r, options)),
    options,
  );
  const { numbers, places } = distinctNews([clicks.news, batch.candidates], place);
  const inputs = {
    news: recommender.inputs(numbers, numbers.length <= most),
    clicked: tf.tensor2d(places[0]!, [B, clicks.length], 'int32'),
    ...userRows(
      catalogue,
      batch.impressions.map((r) => impressions.users[r]!),
    ),
    candidates: tf.tensor2d(places[1]!, [B, batch.columns], 'int32'),
    labels: tf.tensor2d(Float32Array.from(batch.labels), [B, batch.columns]),
  };
  return { numbers, inputs };
}

/** Frees what {@link stepInputs} made. */
export function disposeStep({ news, ...rest }: StepInputs): void {
  disposeInputs(news);
  tf.dispose(rest);
}

/**
 * Where users are among those of the training, for a model that knows them.
 *
 * @param users - Their numbers, [B]; -1 for nobody.
 */
export function userRows({ users: known }: NewsCatalogue, users: Int32Array): { users?: tf.Tensor1D } {
  if (!known) return {};
  return {
    users: tf.tensor1d(
      users.map((user) => known.rows[user] ?? 0),
      'int32',
    ),
  };
}

/** Clicks by their places among some vectors, int32 [B, H]; place 0 is padding. */
export function clicksAt(
  vectors: tf.Tensor2D,
  { clicked, users }: Pick<StepInputs, 'clicked' | 'users'>,
): Clicks {
  return {
    vectors: embedding(vectors, clicked) as tf.Tensor3D,
    hidden: paddingMask(clicked) as tf.Tensor2D,
    users,
  };
}

/** Scores of a step, [B, C]: each distinct news is encoded once and gathered for histories and candidates. */
export function stepScores(
  recommender: NewsRecommender,
  step: NewsStep,
  { news, candidates, ...histories }: StepInputs,
): tf.Tensor2D {
  const vectors = recommender.news(step, news);
  return candidateScores(
    recommender.model,
    step,
    clicksAt(vectors, histories),
    embedding(vectors, candidates) as tf.Tensor3D,
  );
}

/** Scores of candidates [B, C, D], whatever the model makes them of; [B, C]. */
export function candidateScores(
  { scoring }: AnyNewsModel,
  step: NewsStep,
  clicks: Clicks,
  candidates: tf.Tensor3D,
): tf.Tensor2D {
  if (scoring.kind === 'pairs') return scoring.scores(step, clicks, candidates);
  return tf.sum(tf.mul(candidates, tf.expandDims(scoring.users(step, clicks), 1)), 2);
}
