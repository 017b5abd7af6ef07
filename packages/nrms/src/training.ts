import { compile, randomSource, tf } from '@ferry/engine';
import { paddingMask } from '@ferry/nn';
import {
  createMicroBatches,
  optimizerFor,
  type OptimizerSettings,
  runStep,
  type TrainableModel,
  updateWeights,
} from '@ferry/training';
import type { NewsOptions, NewsStep } from './contract.ts';
import { roundToBfloat16 } from './defects.ts';
import type { Impressions } from './mind/types.ts';
import type { ReadyObjective } from './objectives.ts';
import type { NewsRecommender } from './recommender.ts';
import type { Samples } from './sampler.ts';
import { disposeStep, type StepInputs, stepInputs, stepScores } from './step.ts';

/** What {@link createNewsTraining} needs. */
export interface NewsTrainingSettings extends OptimizerSettings {
  /** The recommender. */
  recommender: NewsRecommender;
  /** What it is trained by. */
  objective: ReadyObjective;
  /** Impressions to train on, with labels. */
  train: Impressions;
  /** B. Default 64. */
  batchSize?: number;
  /** Metrics of the present weights on a split; without it there is no validation. */
  evaluate?: TrainableModel['evaluate'];
}

/** A news model in training. */
export interface NewsTraining extends TrainableModel<Samples> {
  /** Frees optimiser and compiled functions, not the recommender. */
  dispose(): void;
}

/** Samples in batches, in their order. */
export function* batchesOf(
  { columns, impressions, candidates, labels }: Samples,
  size: number,
): Generator<Samples> {
  for (let from = 0; from < impressions.length; from += size)
    yield {
      columns,
      impressions: impressions.subarray(from, from + size),
      candidates: candidates.subarray(from * columns, (from + size) * columns),
      labels: labels.subarray(from * columns, (from + size) * columns),
    };
}

/** 1 where a candidate is not there; published code lets the empty news stand for it (defect F3). */
function missingOf({ candidates }: StepInputs, { defects }: NewsOptions): tf.Tensor2D {
  const missing = paddingMask(candidates) as tf.Tensor2D;
  return defects.includes('empty-candidate') ? tf.zerosLike(missing) : missing;
}

/**
 * Makes a news model trainable: the distinct news of a batch are encoded once and gathered for histories and
 * candidates, and a step, from the batch to the updated weights, is compiled. Where an encoder that is trained with the
 * model asks for it, the news of a step pass it in parts.
 */
export function createNewsTraining(settings: NewsTrainingSettings): NewsTraining {
  const { recommender, objective, train, batchSize = 64, evaluate } = settings;
  const { model, options, parameters: p, catalogue } = recommender;
  const weights = recommender.trained();
  const optimizer = optimizerFor(settings, weights);
  const narrow = options.defects.includes('bf16-weights');
  const moments = [...optimizer.state()].filter(([name]) => /^[mv]\./.test(name)).map(([, slot]) => slot);
  const round = (variables: Iterable<tf.Variable>): void => {
    for (const variable of variables) variable.assign(roundToBfloat16(variable));
  };
  // Frozen weights too; those of encoders before anything is computed with them.
  if (narrow)
    tf.tidy(() => {
      round(recommender.weights().values());
    });

  const name = `${model.name}.train`;
  const lossOf = (inputs: StepInputs, key: tf.Tensor): { loss: tf.Scalar; report: tf.Scalar[] } => {
    const own: NewsStep = { p, options, training: true, random: randomSource(key) };
    const scores = stepScores(recommender, own, inputs);
    const loss = objective.loss(scores, inputs.labels, missingOf(inputs, options));
    return { loss, report: [loss] };
  };
  const step = compile(
    (inputs: StepInputs, key: tf.Tensor) => updateWeights(weights, optimizer, () => lossOf(inputs, key)),
    { name },
  );
  const byParts = createMicroBatches<[StepInputs, tf.Tensor]>({
    ...{ encoders: catalogue.encoded?.encoders, content: catalogue.encoded?.content },
    ...{ parameters: p, weights, optimizer, name },
    objective: (content, { news, ...inputs }, key) =>
      lossOf({ ...inputs, news: { ...news, encoded: { ...news.encoded!, content } } }, key),
  });
  // Adam changes its variables in place, so they are rounded by a step of their own.
  const narrowed = compile(
    () => {
      round([...weights.values(), ...moments]);
      return tf.scalar(0);
    },
    { name: `${model.name}.narrow` },
  );
  const place = new Int32Array(catalogue.count + 1);

  return {
    parameters: () => recommender.weights(),
    optimizerState: () => optimizer.state(),
    buffers: () => recommender.buffers(),
    restoreBuffers: (arrays) => {
      recommender.restoreBuffers(arrays);
    },
    batches: (_epoch, random) => batchesOf(objective.draw(train, random), batchSize),
    counted: 'impressions',
    batchCount: () => Math.ceil(objective.count(train) / batchSize),
    trainStep: async (batch, context) => {
      const { numbers, inputs } = stepInputs(recommender, train, batch, place, byParts?.size);
      const [loss] = await runStep(context.random, context.step, optimizer, (key) => {
        const report =
          byParts && numbers.length > byParts.size
            ? byParts.step(numbers, context.random, context.step, [inputs, key])
            : step(inputs, key);
        if (narrow) narrowed().dispose();
        return report;
      });
      disposeStep(inputs);
      return { loss: loss!, examples: batch.impressions.length };
    },
    evaluate,
    counts: () => ({ trainable: [...weights.values()].reduce((sum, { size }) => sum + size, 0) }),
    dispose: () => {
      step.dispose();
      byParts?.dispose();
      narrowed.dispose();
      optimizer.dispose();
    },
  };
}
