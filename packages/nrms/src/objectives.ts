import { type RandomStream, tf } from '@ferry/engine';
import { binaryCrossEntropy, crossEntropy, maskedMean } from '@ferry/nn';
import { z } from 'zod';
import type { Impressions } from './mind/types.ts';
import { countClicks, drawClicks, everyCandidate, type ClickSampling, type Samples } from './sampler.ts';

/** What a model is trained by, with its settings. */
export interface ReadyObjective {
  /** The samples of an epoch. */
  draw(impressions: Impressions, random: RandomStream): Samples;
  /** How many an epoch has. */
  count(impressions: Impressions): number;
  /**
   * @param scores - [B, C]
   * @param labels - 1 where clicked, [B, C].
   * @param missing - 1 where a candidate is not there, [B, C].
   * @returns The mean over the batch, [].
   */
  loss(scores: tf.Tensor2D, labels: tf.Tensor2D, missing: tf.Tensor2D): tf.Scalar;
}

/** What a model can be trained by. */
export interface NewsObjective {
  /** One line for people. */
  readonly description: string;
  /** Its settings: checks, explains, fills in defaults. */
  readonly options: z.ZodType;
  /** The objective with these settings. */
  create(settings: object): ReadyObjective;
}

/** A click among K other news of its impression: softmax cross-entropy (Wu et al. 2019, eq. 9). */
export const softmaxObjective: NewsObjective = {
  description:
    'each click against news of the same impression that were not clicked, by softmax cross-entropy',
  options: z.strictObject({
    negatives: z.int().min(1).default(4).describe('K: news of the impression that were not clicked'),
    samples: z
      .enum(['clicks', 'impressions'])
      .default('clicks')
      .describe(
        'clicks = every click is a sample (paper, recommenders); impressions = one random click of each ' +
          'impression (thesis)',
      ),
  }),
  create: (settings) => {
    const sampling = settings as ClickSampling;
    return {
      draw: (impressions, random) => drawClicks(impressions, sampling, random),
      count: (impressions) => countClicks(impressions, sampling),
      loss: (scores, _labels, missing) => {
        const first = tf.zeros([scores.shape[0]], 'int32');
        return tf.mean(crossEntropy(tf.add(scores, tf.mul(missing, -1e9)), first));
      },
    };
  },
};

/** Every candidate by itself: whether it was clicked, in two classes (the thesis's experiments 1 and 2). */
export const clickObjective: NewsObjective = {
  description: 'whether each candidate was clicked, by cross-entropy of two classes, clicks weighed',
  options: z.strictObject({
    clickWeight: z
      .number()
      .gt(0)
      .default(25)
      .describe('weight of the loss of a click beside that of a news that was not clicked (thesis)'),
  }),
  create: (settings) => {
    const { clickWeight: positiveWeight } = settings as { clickWeight: number };
    return {
      draw: everyCandidate,
      count: ({ candidates: { values } }) => values.length,
      // With two classes the loss is a function of the difference of the logits. It is averaged over samples, not over
      // weights.
      loss: (scores, labels) => maskedMean(binaryCrossEntropy(scores, labels, { positiveWeight })),
    };
  },
};
