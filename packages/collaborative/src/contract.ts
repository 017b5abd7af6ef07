/**
 * What a user-item model is. The file of a model exports one value of type {@link UserItemModel}; training, ranking,
 * saving and recommending are made from it once for all models. Letters: U users, N items, B triples of a step, K width
 * of the vectors that are multiplied, F width of features.
 */
import type { RandomSource, RandomStream, tf } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';
import type { Parameters } from '@ferry/nn';
import type { RowRoles, StateArray } from '@ferry/training';
import type { z } from 'zod';
import type { Interactions } from './interactions.ts';

/** What a model is made for. */
export interface UserItemData {
  /** Who took what in training. */
  readonly interactions: Interactions;
  /**
   * Features of the items by modality, [N, F] each; items without a modality are rows of zeros that `present` marks.
   */
  readonly features: Partial<Record<Modality, FeatureMatrix>>;
}

/** What all models say of themselves. */
export interface Definition<O extends object> {
  /** Its name in recipes, such as `lightgcn`. */
  readonly name: string;
  /** Its name for people, such as `LightGCN`. */
  readonly title: string;
  /** Authors, title, venue. */
  readonly paper: string;
  /** The recipe's section `model`: checks it, explains it, fills in its defaults. */
  readonly options: z.ZodType;
  /** Settings of the recipe completed, where a preset says the rest. Default: as they are. */
  complete?(settings: object): O;
  /** The modalities it reads; it needs at least one of them if there are any. */
  modalities(options: O): readonly Modality[];
  /** What it can be trained by, by name: a recipe's section `objective`; the first is the default. */
  readonly objectives: Readonly<Record<string, ObjectiveOfPairs>>;
  /** Which weights are what. */
  readonly weights: {
    /** It belongs to one catalogue: nothing is fine-tuned on another. */
    readonly tune: Readonly<Record<string, never>>;
    /** Tables by `users` and `items`, whose rows a training that goes on elsewhere carries over. */
    readonly rows: RowRoles;
  };
}

/** What a user-item model is trained by: how triples are drawn, or nothing where it is fitted. */
export interface ObjectiveOfPairs {
  /** One line for people. */
  readonly description: string;
  /** Its settings: checks, explains, fills in defaults. */
  readonly options: z.ZodType;
}

/** What the functions of a trained model are computed with. */
export interface Step<O extends object, P extends Parameters, I extends object> {
  /** The weights. */
  readonly p: P;
  /** The settings. */
  readonly options: O;
  /** What {@link TrainedModel.inputs} made. */
  readonly inputs: I;
  /** U */
  readonly users: number;
  /** Randomness of a training step; absent otherwise. */
  readonly random?: RandomSource;
  /** What {@link TrainedModel.epochValues} drew for the epoch of a training step; absent otherwise. */
  readonly epoch?: tf.Tensor1D;
  /** What {@link TrainedModel.find} found last; absent in a model that finds nothing. */
  readonly found?: Readonly<Record<string, tf.Tensor>>;
  /** Whether it is the first training step of an epoch, in a model that finds something. */
  readonly first?: boolean;
}

/** Vectors whose inner products are the scores. */
export interface Vectors {
  /** [U, K] */
  users: tf.Tensor2D;
  /** [N, K] */
  items: tf.Tensor2D;
}

/** Triples of a step as tensors: int32 [B] each, items as rows from 0. */
export interface TripleTensors {
  /** [B] */
  users: tf.Tensor1D;
  /** [B] an item that the user has. */
  positives: tf.Tensor1D;
  /** [B] one that the user has not. */
  negatives: tf.Tensor1D;
}

/**
 * A model that is trained by gradients on triples of a user, an item of the user, and another item. All functions are
 * pure in their arguments and are compiled by the caller.
 */
export interface TrainedModel<
  O extends object = object,
  P extends Parameters = Parameters,
  I extends object = object,
> extends Definition<O> {
  /** Trained. */
  readonly kind: 'trained';
  /** First weights; each part draws from a stream of its own. */
  init(options: O, data: UserItemData, random: RandomStream): P;
  /** What does not change: features, the graph. A nest of tensors, freed with the recommender. */
  inputs(options: O, data: UserItemData): I;
  /**
   * Numbers that are drawn anew for each epoch, [E]: its steps find them in `step.epoch`. Undefined where there are
   * none.
   */
  epochValues?(options: O, data: UserItemData, random: RandomStream): Float32Array | undefined;
  /**
   * What is found anew from the weights before each epoch and before a ranking, by name, such as which items are near:
   * the caller's. It is saved with the weights. Not compiled.
   */
  find?(step: Step<O, P, I>): Record<string, tf.Tensor>;
  /** Names of the tables that the loss reads by their rows alone (`embedding`), for lazy Adam. Default none. */
  readonly tables?: readonly string[];
  /** What scores are made of. */
  vectors(step: Step<O, P, I>): Vectors;
  /** Names of what the loss reports besides itself. */
  readonly terms: readonly string[];
  /** The loss of a step and its terms, each []. */
  loss(step: Step<O, P, I>, triples: TripleTensors): { loss: tf.Scalar } & Record<string, tf.Scalar>;
  /**
   * Vectors of items that training did not know, [n, K], from their features alone; undefined for a model that needs
   * more.
   *
   * @param features - Made as {@link TrainedModel.inputs} makes those of the catalogue.
   */
  newItems?(step: Step<O, P, I>, features: Readonly<Partial<Record<Modality, FeatureMatrix>>>): tf.Tensor2D;
}

/** Scores of items for users, larger being better. */
export interface FittedScores {
  /**
   * Fills rows of scores: item i of user b at `out[b * (N + 1) + i + 1]`; entry 0 of a row is padding. `out` is zeros.
   */
  scores(users: Int32Array, out: Float32Array): void;
}

/** A model that is counted or solved at once. */
export interface FittedModel<O extends object = object, S extends object = object> extends Definition<O> {
  /** Fitted. */
  readonly kind: 'fitted';
  /** Counts or solves; the result is all that changes. */
  fit(options: O, data: UserItemData, random: RandomStream): S | Promise<S>;
  /** What ranks with a result. */
  scorer(options: O, data: UserItemData, state: S): FittedScores;
  /** The result as arrays. */
  save(state: S): Map<string, StateArray>;
  /** Takes back what `save` gave. */
  load(arrays: ReadonlyMap<string, StateArray>): S;
}

/** A user-item model of any kind. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type UserItemModel = TrainedModel<any, any, any> | FittedModel<any, any>;
