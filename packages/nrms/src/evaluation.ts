import { z } from 'zod';
import { impressionTies } from './mind/metrics.ts';
import { parseTime } from './mind/times.ts';

/** Metrics of an impression, as MIND's evaluator has them. */
export const impressionMetrics = ['auc', 'mrr', 'ndcg@5', 'ndcg@10'] as const;

const share = z.number().min(0).lt(1);

/** A moment of a recipe in seconds since 1970: a day, a time, or seconds; NaN if it is none. */
export const momentOf = (given: string | number): number =>
  /^\d{4}-\d{2}-\d{2}$/.test(String(given)) ? parseTime(`${given}T00:00`) : parseTime(String(given));

const moment = z.union([z.string(), z.number()]).refine((given) => !Number.isNaN(momentOf(given)), {
  error: 'must be a day such as 2019-11-14, a time such as 2019-11-14T06:00:00, or seconds since 1970',
});

/** A part of the log in time. */
const span = z
  .strictObject({
    trainFrom: moment.optional().describe('earlier impressions are not trained on; default all are'),
    testFrom: moment.describe(
      'what is shown from here on tests; what is earlier is trained on and validates',
    ),
    testUntil: moment.optional().describe('what is shown from here on is left out; default nothing is'),
  })
  .refine(
    ({ trainFrom, testFrom, testUntil }) => {
      const given = [trainFrom, testFrom, testUntil].flatMap((at) =>
        at === undefined ? [] : [momentOf(at)],
      );
      return given.every((at, i) => i === 0 || given[i - 1]! < at);
    },
    { error: 'must name moments in their order: trainFrom, testFrom, testUntil' },
  );

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
  span: span
    .optional()
    .describe(
      'takes the labelled impressions of all folders as one log, of which a part in time trains and the next tests: a ' +
        'day (2019-11-14, from 0:00 on), a time, or seconds since 1970; not by folders or the share test then',
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
