import type { RandomStream, tf } from '@ferry/engine';
import type { z } from 'zod';
import type { FeedGroup, FeedPlace, ModelTypes, SequentialModel, Step } from './contract.ts';
import type { GroupedBatch } from './groups.ts';

/** Training examples of one step. */
export interface Examples {
  /** [B * stride] item numbers of the catalogue, right-padded with 0. */
  history: Int32Array;
  /** [B] */
  lengths: Int32Array;
  /** The item after each history, [B]. */
  targets: Int32Array;
  /** The user of each example, [B]; absent with several sources. */
  users?: Int32Array | undefined;
}

/** What an objective makes its inputs with. */
export interface Preparation<T extends ModelTypes> {
  /** The model's settings. */
  readonly options: T['options'];
  /** N */
  readonly items: number;
  /** Whether there is word-dropped text. */
  readonly words: boolean;
  /** Training interactions of each item. Float64 [N + 1]. */
  readonly counts: () => Float64Array;
  /** Every item a user of the examples has in training, which negatives may keep clear of. */
  seen(user: number): ReadonlySet<number>;
  /** Randomness of this step, for this purpose. */
  readonly random: RandomStream;
  /** Examples in groups of like length; targets and users in the order of the groups. */
  group(examples: Examples): GroupedBatch;
  /** The model's feed; `longest` is the data's. */
  feed(groups: readonly FeedGroup[], place?: Omit<FeedPlace, 'longest'>): T['feed'];
}

/** What a step reads besides weights and items. */
export interface Prepared<X> {
  /** A nest of tensors, disposed after the step. */
  inputs: X;
  /**
   * The items of the step, padding (0) first: item number of each row of its item tables. Absent: the whole catalogue in order. Int32 [V].
   */
  numbers?: Int32Array | undefined;
  /** Whether the step reads word-dropped text. Default false. */
  words?: boolean | undefined;
}

/** What a loss is computed with. */
export interface LossStep<T extends ModelTypes> extends Step<T> {
  /** The model. */
  readonly model: SequentialModel<T>;
  /** The items of the step, through the towers. */
  readonly items: T['items'];
  /** N of the catalogue. */
  readonly count: number;
}

/**
 * What a model is trained by: how examples become a step's inputs (on the host) and a step's inputs a loss (in the compiled step).
 *
 * @typeParam X - The inputs, a nest of tensors.
 */
export interface Objective<T extends ModelTypes, X extends object = object> {
  /** `prefixes`: an example is a history and the item after it. `sequences`: a user's whole training sequence, each of whose items but the first is a target. */
  readonly examples: 'prefixes' | 'sequences';
  /** Names of what `loss` reports besides the loss. */
  readonly terms: readonly string[];
  /** The inputs of a step. */
  prepare(examples: Examples, preparation: Preparation<T>): Prepared<X>;
  /** The loss and its terms, each []. */
  loss(step: LossStep<T>, inputs: X): { loss: tf.Scalar } & Record<string, tf.Scalar>;
}

/** An objective and its settings, stated once. */
export interface ObjectiveDefinition<T extends ModelTypes> {
  /** One line for people. */
  readonly description: string;
  /** Its settings: checks, explains, fills in defaults. */
  readonly options: z.ZodType;
  /** The objective; `settings` as `options` gives them. */
  create(settings: object, options: T['options']): Objective<T>;
}
