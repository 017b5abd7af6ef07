import { type Batch, batchCount, batches, type Rows } from '@ferry/data';
import { compile, randomSource, tf } from '@ferry/engine';
import { createOptimizer, type Optimizer, type OptimizerOptions } from '@ferry/nn';
import type { TrainableModel } from '@ferry/training';
import { disposeFeed, feedOf, batchGrouping } from './feeds.ts';
import { lengthHistogram } from './groups.ts';
import { finetuneObjective, type ObjectiveInputs } from './objectives.ts';
import { trainableWeights, type Tuning } from './parameters.ts';
import { createRanking, evaluateModel, type EvaluateOptions, type RankingFunctions } from './rank.ts';
import { historyLengths, latestItems, longestHistory } from './rows.ts';
import type { MissRecModel } from './session.ts';
import { runStep, updateWeights } from './step.ts';

/** Numbers of Adam that a training may set; defaults as spec 5: learning rate 1e-3, no decay, no clipping. */
export type OptimizerSettings = Partial<
  Pick<OptimizerOptions, 'learningRate' | 'weightDecay' | 'clipNorm' | 'schedule'>
>;

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
}

/** A model in training. */
export interface MissRecTraining<B> extends TrainableModel<B> {
  /** The model. */
  readonly model: MissRecModel;
  /** The ranking functions evaluations use. */
  readonly ranking: RankingFunctions;
  /** What is trained, by name. */
  readonly trained: ReadonlyMap<string, tf.Variable>;
  /** Frees optimiser and compiled functions, not the model. */
  dispose(): void;
}

/** An optimiser with the settings; nn's wants no undefined keys interpreted. */
export function optimizerFor(
  settings: OptimizerSettings,
  weights: ReadonlyMap<string, tf.Variable>,
): Optimizer {
  const { learningRate, weightDecay = 0, clipNorm, schedule } = settings;
  return createOptimizer(
    { kind: weightDecay > 0 ? 'adamw' : 'adam', learningRate, weightDecay, clipNorm, schedule },
    weights,
  );
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
  const ranking = createRanking(model);
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
    model,
    ranking,
    trained: weights,
    parameters: () => model.weights(),
    optimizerState: () => optimizer.state(),
    buffers: () => model.buffers(),
    restoreBuffers: (buffers) => {
      model.restoreBuffers(buffers);
    },
    beforeEpoch: (_epoch, random) => model.refreshInterests(random),
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
        return (await evaluateModel(ranking, model, rows, evaluation)).metrics;
      },
    }),
    counts: () => ({ trainable: [...weights.values()].reduce((sum, { size }) => sum + size, 0) }),
    dispose: () => {
      step.dispose();
      ranking.dispose();
      optimizer.dispose();
    },
  };
}
