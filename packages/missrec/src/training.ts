import type { tf } from '@ferry/engine';
import { createOptimizer, type Optimizer, type OptimizerOptions } from '@ferry/nn';
import type { TrainableModel } from '@ferry/training';
import { createRanking, type RankingFunctions } from './rank.ts';
import type { MissRecModel } from './session.ts';

/** Numbers of Adam that a training may set; defaults as spec 5: learning rate 1e-3, no decay, no clipping. */
export type OptimizerSettings = Partial<
  Pick<OptimizerOptions, 'learningRate' | 'weightDecay' | 'clipNorm' | 'schedule'>
>;

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

/** What fine-tuning and pre-training have in common: the state, the refreshing of interests, the counts. */
export function sharedMembers(
  model: MissRecModel,
  weights: ReadonlyMap<string, tf.Variable>,
  optimizer: Optimizer,
) {
  const ranking = createRanking(model);
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
    counts: () => ({ trainable: [...weights.values()].reduce((sum, { size }) => sum + size, 0) }),
    dispose: () => {
      ranking.dispose();
      optimizer.dispose();
    },
  } satisfies Partial<MissRecTraining<unknown>>;
}
