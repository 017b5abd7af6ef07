import type { RandomState } from '@ferry/engine';
import type { StoppingState } from './earlyStopping.ts';
import type { JsonObject } from './json.ts';

/** Sums over the batches of the present epoch. */
export interface RunningSums {
  /** Batches. */
  readonly batches: number;
  /** Sequences. */
  readonly sequences: number;
  /** Sum over batches of the mean loss, as the logs of RecBole show it. */
  readonly loss: number;
  /** Sum over batches of the mean loss times the sequences. */
  readonly weightedLoss: number;
  /** The same for every further scalar. */
  readonly weightedScalars: Readonly<Record<string, number>>;
  /** Seconds spent. */
  readonly seconds: number;
}

/** The checkpoint that counts as a run's result. */
export interface BestCheckpoint {
  /** Its folder's name. */
  readonly checkpoint: string;
  /** Epochs completed, so 1 for the first. */
  readonly epoch: number;
  /** Steps completed. */
  readonly step: number;
  /** Validation metrics, empty for a job without validation. */
  readonly valid: Readonly<Record<string, number>>;
}

/** Everything besides tensors that a resumed run needs; a checkpoint's `state.json`. */
export interface TrainingState {
  /** Version of this layout. */
  readonly format: 1;
  /** Steps completed. */
  readonly step: number;
  /** Epochs completed. */
  readonly epoch: number;
  /** Batches completed of the present epoch; 0 between epochs. With `epoch` and `random`: the place in the data order. */
  readonly batch: number;
  /** The stream that all randomness of the run is split from. */
  readonly random: RandomState;
  /** Sums of the present epoch. */
  readonly running: RunningSums;
  /** Where early stopping stands. */
  readonly stopping: StoppingState;
  /** Best checkpoint so far; null before the first epoch ends. */
  readonly best: BestCheckpoint | null;
  /** Checkpoints kept for good. */
  readonly kept: readonly string[];
  /** Length in bytes of each growing file when the checkpoint was saved. */
  readonly positions: Readonly<Record<string, number>>;
  /** Seconds of training and evaluation so far. */
  readonly seconds: number;
  /** The recipe the run was started with. */
  readonly recipe: JsonObject;
  /** What the data was, if the caller says; null otherwise. */
  readonly fingerprint: string | null;
}

/** Sums before the first batch. */
export const noSums: RunningSums = {
  batches: 0,
  sequences: 0,
  loss: 0,
  weightedLoss: 0,
  weightedScalars: {},
  seconds: 0,
};

/** Adds one batch to the sums of its epoch. */
export function addStep(
  sums: RunningSums,
  step: { loss: number; sequences: number; scalars: Readonly<Record<string, number>>; seconds: number },
): RunningSums {
  const weightedScalars: Record<string, number> = {};
  for (const [name, value] of Object.entries(step.scalars))
    weightedScalars[name] = (sums.weightedScalars[name] ?? 0) + value * step.sequences;
  return {
    batches: sums.batches + 1,
    sequences: sums.sequences + step.sequences,
    loss: sums.loss + step.loss,
    weightedLoss: sums.weightedLoss + step.loss * step.sequences,
    weightedScalars,
    seconds: sums.seconds + step.seconds,
  };
}
