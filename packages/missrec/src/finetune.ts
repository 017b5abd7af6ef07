import { type Batch, batchCount, batches, type Rows } from '@ferry/data';
import { compile, randomSource, tf } from '@ferry/engine';
import type { RankingResult } from '@ferry/evaluation';
import {
  batchGrouping,
  historyLengths,
  latestItems,
  lengthHistogram,
  longestHistory,
  optimizerFor,
  type OptimizerSettings,
  runStep,
  updateWeights,
} from '@ferry/sequential';
import { disposeFeed, feedOf } from './feeds.ts';
import { finetuneObjective, type ObjectiveInputs } from './objectives.ts';
import { trainableWeights, type Tuning } from './parameters.ts';
import { evaluateModel, type EvaluateOptions } from './rank.ts';
import type { MissRecModel } from './session.ts';
import { type MissRecTraining, sharedMembers } from './training.ts';

/** What {@link createFinetuning} needs. */
export interface FinetuneSettings extends OptimizerSettings {
  /** The model, on the catalogue of the domain. */
  model: MissRecModel;
  /** Rows to train on. */
  train: Rows;
  /** Rows to validate on; without them there is no early stopping. */
  valid?: Rows | undefined;
  /** Rows of the final test. */
  test?: Rows | undefined;
  /** B. Default 512. */
  batchSize?: number | undefined;
  /** `efficient`: adapters, α, token normalisation, IDs (after pre-training); `all`: everything. Default `all`. */
  tuning?: Tuning | undefined;
  /** How to evaluate. */
  evaluation?: EvaluateOptions | undefined;
  /** Told what every evaluation found row by row. */
  onRanked?: ((split: 'valid' | 'test', result: RankingResult) => void) | undefined;
}

/**
 * Fine-tuning, or training from scratch, on one domain: full softmax over the catalogue and the interest regulariser (spec 4). Interests are
 * discovered anew before every epoch. A batch holds the same rows as in the released code; rows of similar length share their padding.
 *
 * @param settings - Data and optimiser.
 */
export function createFinetuning(settings: FinetuneSettings): MissRecTraining<Batch> {
  const { model, valid, test, batchSize = 512, tuning = 'all', evaluation } = settings;
  const { options, parameters, catalogue } = model;
  const train = latestItems(settings.train, options.positions);
  const longest = longestHistory(train);
  const group = batchGrouping(lengthHistogram(historyLengths(train)));
  const weights = trainableWeights(parameters, options, tuning);
  const optimizer = optimizerFor(settings, weights);
  const shared = sharedMembers(model, weights, optimizer);
  const { features, present } = catalogue.inputs;
  const items = { features, present };
  const step = compile(
    (inputs: ObjectiveInputs, key: tf.Tensor) => {
      return updateWeights(weights, optimizer, () => {
        const terms = finetuneObjective(parameters, options, inputs, randomSource(key));
        return { loss: terms.loss, report: [terms.loss, terms.crossEntropy, terms.regulariser] };
      });
    },
    { name: 'missrec.finetune' },
  );
  const order = Int32Array.from(train.targets.keys());
  return {
    ...shared,
    batches: (_epoch, random) =>
      batches(train, { size: batchSize, order: random.shuffle(order.slice()), lengths: 'longest' }),
    batchCount: () => batchCount(train.targets.length, batchSize),
    trainStep: async (batch, context) => {
      const { groups, targets } = group(batch);
      const feed = feedOf(options, groups, model.interests(), { longest });
      const [loss, crossEntropy, regulariser] = await runStep(
        context.random,
        context.step,
        optimizer,
        (key) => {
          const labels = tf.tensor1d(targets, 'int32');
          const table = model.interestTable();
          const terms = step(
            {
              items,
              groups: feed.groups,
              targets: labels,
              ...(table && { interestTable: table }),
              ...(feed.slots && { slots: feed.slots }),
              ...(feed.packed && { packed: feed.packed }),
            },
            key,
          );
          labels.dispose();
          return terms;
        },
      );
      disposeFeed(feed);
      return {
        loss: loss!,
        sequences: batch.size,
        scalars: { crossEntropy: crossEntropy!, regulariser: regulariser! },
      };
    },
    ...(valid && {
      evaluate: async (split) => {
        const rows = split === 'valid' ? valid : test;
        if (!rows) throw new Error('evaluate: no test rows were given');
        const result = await evaluateModel(shared.ranking, model, rows, evaluation);
        settings.onRanked?.(split, result);
        return result.metrics;
      },
    }),
    dispose: () => {
      step.dispose();
      shared.dispose();
    },
  };
}
