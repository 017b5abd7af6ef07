import { z } from 'zod';
import { impressionTies } from './mind/metrics.ts';

/** Metrics of an impression, as MIND's evaluator has them. */
export const impressionMetrics = ['auc', 'mrr', 'ndcg@5', 'ndcg@10'] as const;

const share = z.number().min(0).lt(1);

/** A recipe's section `evaluation` for news models. */
export const newsEvaluation = z.strictObject({
  validation: share
    .default(0.1)
    .describe(
      'share of the training impressions, the latest, that validate and are not trained on; 0 = none: the curve ' +
        'is that of the test, nothing is chosen by it, the last epoch counts; not read where there is a folder dev ' +
        'beside a folder test with labels, which then validates',
    ),
  test: share
    .default(0.1)
    .describe(
      'share of the impressions, the latest, that test where a folder has no folder dev (or test with labels)',
    ),
  news: z
    .enum(['all', 'with-text'])
    .default('all')
    .describe(
      'with-text: news without a title or abstract are taken out of histories and impressions, and impressions ' +
        'that are left without a click or without anything else are dropped',
    ),
  batchSize: z.int().min(1).default(512).describe('histories at once; changes memory and speed only'),
  ties: z
    .enum(impressionTies as [(typeof impressionTies)[number], ...(typeof impressionTies)[number][]])
    .default('mind')
    .describe(
      'equal scores: mind = the later candidate first, as the official evaluator has it; average over their ' +
        'orders; clicked ones last (pessimistic) or first (optimistic)',
    ),
  metric: z
    .enum(impressionMetrics)
    .default('auc')
    .describe('validation metric, which picks the best epoch and leads tables and charts'),
});

/** How a recipe evaluates a news model. */
export type NewsEvaluation = z.output<typeof newsEvaluation>;
