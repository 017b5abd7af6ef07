import type { RandomStream, tf } from '@ferry/engine';

/** A host array that is saved with a model but is not a tensor, such as a lookup table of interests. */
export interface StateArray {
  /** The values, row-major; the type of the array is the type that is saved. */
  readonly data: Float32Array | Int32Array | Uint8Array;
  /** Sizes of the dimensions; their product is `data.length`. */
  readonly shape: readonly number[];
}

/** The rows of a data set a model is evaluated on. */
export type Split = 'valid' | 'test';

/** What a training step is told besides its batch. */
export interface StepContext {
  /** Steps completed before this one, over all epochs: 0 for the first. */
  readonly step: number;
  /** Epochs completed before this one: 0 for the first. */
  readonly epoch: number;
  /**
   * Randomness of training steps. The same stream at every step: draw from it only through
   * `randomKey(random, step)` or `random.split(name, step)`, which depend on the seed and the step alone, so that a
   * resumed run sees the numbers it would have seen.
   */
  readonly random: RandomStream;
}

/** What a training step tells. */
export interface StepResult {
  /** Mean loss over the batch, before the update. */
  readonly loss: number;
  /** Examples (B) in the batch: the weight of this step in the means of an epoch. */
  readonly examples: number;
  /** Further quantities to log, such as the terms of the loss; the same names at every step. */
  readonly scalars?: Readonly<Record<string, number>>;
}

/**
 * What {@link runTraining} needs of a model. A model package implements it; training knows nothing of shapes or losses.
 *
 * Exact resume rests on three promises: everything that changes during training is in `parameters`, `optimizerState`
 * or `buffers`; `batches` is a pure function of (epoch, the stream's numbers); `trainStep` is a pure function of
 * (saved state, batch, context).
 *
 * @typeParam B - A batch, opaque to training.
 */
export interface TrainableModel<B = unknown> {
  /**
   * Every weight by name, frozen ones too: what a checkpoint's `model.safetensors` holds. The same variables at every
   * call.
   */
  parameters(): ReadonlyMap<string, tf.Variable>;
  /**
   * Everything the optimiser carries from step to step, by name (moments; not what it derives from the step number).
   */
  optimizerState(): ReadonlyMap<string, tf.Variable>;
  /**
   * Host arrays that evaluation or training reads and that are not weights (interest centres and lookups). Saved in
   * `model.safetensors` beside the weights, so names must not repeat a weight's.
   */
  buffers?(): ReadonlyMap<string, StateArray>;
  /** Takes back what {@link TrainableModel.buffers} returned; called after the parameters were restored. */
  restoreBuffers?(buffers: ReadonlyMap<string, StateArray>): void | Promise<void>;
  /**
   * Work done before the first batch of an epoch (discovering interests). Not called again when an epoch is resumed in
   * its middle: what it leaves behind must be in the saved state.
   *
   * @param epoch - Epochs completed.
   * @param random - Fresh stream of this epoch, for this purpose.
   */
  beforeEpoch?(epoch: number, random: RandomStream): void | Promise<void>;
  /**
   * The batches of an epoch, in order, made lazily. Called again when an epoch is resumed; the batches already trained
   * on are then skipped.
   *
   * @param epoch - Epochs completed.
   * @param random - Fresh stream of this epoch, for shuffling and for augmentation that changes a batch's shape.
   */
  batches(epoch: number, random: RandomStream): Iterable<B>;
  /** Number of batches of an epoch, exact or an estimate: only the time left is computed from it. */
  batchCount(epoch: number): number;
  /**
   * One update of the weights. Must leave no tensor behind. It is made, or given to a device, before anything is waited
   * for: the next step may be begun before the loss of this one is read ({@link TrainingOptions.stepsAhead}).
   */
  trainStep(batch: B, context: StepContext): StepResult | Promise<StepResult>;
  /**
   * Metrics of the present weights on a split, such as `{ 'recall@10': 0.19, 'ndcg@10': 0.09 }`. Absent: the job has no
   * validation (pre-training), the last checkpoint is the result.
   */
  evaluate?(split: Split): Promise<Record<string, number>>;
  /** What an example ({@link StepResult.examples}) is, in the plural, as logs and reports call it. Default `sequences`. */
  readonly counted?: string;
  /** Parameter counts for the summary, such as `{ trainable: 308401 }`; `total` is added. */
  counts?(): Record<string, number>;
}
