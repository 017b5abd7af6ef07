import type { tf } from '@ferry/engine';
import type { Optimizer } from '@ferry/nn';
import type { TrainableModel } from '@ferry/training';
import { createRanking, type RankingFunctions } from './rank.ts';
import type { MissRecModel } from './session.ts';

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
