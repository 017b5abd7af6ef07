/**
 * What a sequential recommender is. The file of a model exports one value of type {@link SequentialModel}; everything else
 * (training steps, full ranking, recommending, saving, carrying weights to another domain) is made from it, once for all models.
 *
 * Letters: B rows of a group, R rows of all groups (or S positions that are read), L positions, N items, V rows of the item tables (N + 1,
 * or the items of a batch; row 0 is padding), C candidates, D width.
 */
import type { RandomSource, RandomStream, tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import type { Parameters } from '@ferry/nn';
import type { StateArray } from '@ferry/training';
import type { z } from 'zod';
import type { Catalogue, FeatureWidths, ItemInputs } from './catalogue.ts';
import type { ObjectiveDefinition } from './objective.ts';

/** Rows of a batch that share a padded length, on the host; {@link RowGroup} without what only batches need. */
export interface FeedGroup {
  /** L */
  length: number;
  /** [B * L] item numbers, oldest first, right-padded with 0. */
  history: Int32Array;
  /** [B] */
  lengths: Int32Array;
}

/**
 * A group of histories as a step reads it. Always right-padded: what a model calls left padding is a choice of position numbers
 * (`positions - length + l` instead of `l`), since nobody looks at padding.
 */
export interface SequenceInputs {
  /** int32 [B, L], rows of the item tables, right-padded with 0. */
  history: tf.Tensor;
  /** int32 [B] */
  lengths: tf.Tensor;
}

/** A batch of histories as a step reads it: groups of one length each. */
export interface Feed {
  /** One for each group; R rows together. */
  groups: readonly SequenceInputs[];
  /**
   * int32 [S]: the positions that are read, numbered through the groups' [B * L] one after the other; their number is rounded up with copies of
   * the first. Absent: the last item of each row, R positions.
   */
  read?: tf.Tensor | undefined;
}

/** Where the histories of a feed point to. */
export interface FeedPlace {
  /** Longest history of the data. */
  longest: number;
  /** Row of the step's item tables for an item number. Default: the number itself. */
  rowOf?: ((item: number) => number) | undefined;
  /** The positions that are read, see {@link Feed.read}. Int32 [S]. */
  read?: Int32Array | undefined;
}

/** What histories become. */
export interface Queries {
  /** [R, D], or [S, D] with {@link Feed.read}: one vector for each position that is read. */
  vectors: tf.Tensor2D;
}

/** Items, or candidates, that are one vector each. */
export interface ItemVectors {
  /** [V, D]; of candidates [C, D], or [R, K, D] where each row has its own. */
  vectors: tf.Tensor;
}

/**
 * Which items are scored: `all` rows of the item tables, padding too, so that column i is item i; `items`, all but the padding row, so that
 * column i is item i + 1; int32 [C] rows that all queries share; int32 [R, K] rows of each query's own.
 */
export type Which = 'all' | 'items' | tf.Tensor;

/** The types of a model, in one place. */
export interface ModelTypes {
  /** Its settings, complete. */
  options: object;
  /** Its weights. */
  parameters: Parameters;
  /** What its towers make of items: a nest of tensors. */
  items: object;
  /** What histories become: a nest of tensors. */
  queries: Queries;
  /** Items ready to be scored: a nest of tensors. */
  candidates: object;
  /** What a batch of histories is to it. */
  feed: Feed;
  /** What it finds anew between epochs, on the host; `undefined` if it finds nothing. */
  state: unknown;
  /** The same as tensors, read by every step. */
  held: Readonly<Record<string, tf.Tensor>>;
}

/** The types of a model whose items and queries are one vector each and whose score is their inner product: most models. */
export interface VectorModel<O extends object, P extends Parameters> extends ModelTypes {
  /** Its settings. */
  options: O;
  /** Its weights. */
  parameters: P;
  /** [V, D] */
  items: ItemVectors;
  /** [R, D] */
  queries: Queries;
  /** [C, D] or [R, K, D] */
  candidates: ItemVectors;
  /** Histories and what is read. */
  feed: Feed;
  /** Nothing. */
  state: undefined;
}

/** What every function of a model reads. */
export interface Step<T extends ModelTypes> {
  /** The weights. */
  readonly p: T['parameters'];
  /** The settings. */
  readonly options: T['options'];
  /** Tensors of what was found between epochs; empty for most models. */
  readonly held: T['held'];
  /** The step's random source; none in evaluation: nothing is dropped. */
  readonly random: RandomSource | undefined;
}

/** What the data say about a model that its settings do not. */
export interface DomainFacts extends FeatureWidths {
  /** What the model is made for. */
  task: 'pretrain' | 'finetune';
}

/** Something a model finds anew before every epoch, and that evaluation reads beside the weights (MISSRec's interests). */
export interface FoundState<T extends ModelTypes> {
  /** Makes what finds it, for the life of a model. */
  create(
    p: T['parameters'],
    options: T['options'],
    catalogue: Catalogue,
  ): {
    /** Finds it from the present weights; undefined if these settings have none. */
    find(random: RandomStream): Promise<T['state'] | undefined>;
    /** Frees what was compiled. */
    dispose(): void;
  };
  /** As tensors, which the caller owns. */
  tensors(options: T['options'], state: T['state']): T['held'];
  /** As arrays to be saved beside the weights. */
  save(options: T['options'], state: T['state']): Map<string, StateArray>;
  /**
   * Takes back what `save` gave; undefined if there is none.
   *
   * @throws Error naming an array that is unknown or of another shape.
   */
  load(options: T['options'], items: number, arrays: ReadonlyMap<string, StateArray>): T['state'] | undefined;
  /** The same as if no item had a modality. */
  without?(p: T['parameters'], options: T['options'], state: T['state'], modality: Modality): T['state'];
}

/** Why items were recommended: parts of the history, by how much each counted. */
export interface Reason {
  /** Number of what the items have in common (MISSRec: the interest). */
  id: number;
  /** Its share, in [0, 1]; all of a history's sum to 1. */
  weight: number;
  /** Items of the history it rests on, and by which modality. */
  because: { item: number; modality: Modality }[];
  /** All items of the catalogue that belong to it. */
  members: number[];
}

/** Which weights are what; patterns are globs of weight names (see `matchGlob` of `@ferry/nn`). */
export interface WeightRoles<O> {
  /** Weights that belong to the items of one catalogue: they stay behind when weights are carried to another. */
  ofItems(options: O): readonly string[];
  /** Weights a source may lack, such as the adapter of a modality it does not have; at least one must be carried over if there are any. */
  optional?(options: O): readonly string[];
  /** Weights the loss does not depend on under these settings: never trained. */
  unused?(options: O): readonly string[];
  /** What each tuning leaves as it is, besides `all`, which trains everything. */
  tune: Readonly<Record<string, { freeze: readonly string[] }>>;
  /** Weights that never decay. */
  noDecay?: readonly string[];
}

/**
 * A sequential recommender. All functions are pure in (weights, settings, inputs, random source) and are compiled by the caller; tensors they return
 * are nests (records, arrays). See {@link innerProduct} for `candidates` and `scores` of most models, and `towers` for `items`.
 */
export interface SequentialModel<T extends ModelTypes = ModelTypes> {
  /** Its name in recipes, such as `sasrec`. */
  readonly name: string;
  /** Its name for people, such as `SASRec`. */
  readonly title: string;
  /** Authors, title, venue. */
  readonly paper: string;
  /** The recipe's section `model`: checks it, explains it, fills in its defaults. */
  readonly options: z.ZodType;
  /** Settings of the recipe and what the data say, together. Default: the settings as they are. */
  complete?(settings: object, facts: DomainFacts): T['options'];
  /** Longest history it reads; of longer ones it reads the end. */
  positions(options: T['options']): number;
  /** The modalities it reads. */
  modalities(options: T['options']): readonly Modality[];
  /** First weights; each part draws from a stream of its own, so that adding one changes no other. */
  init(options: T['options'], catalogue: Catalogue, random: RandomStream): T['parameters'];
  /** The towers: what items are, once a step however often a batch mentions them. */
  items(step: Step<T>, inputs: ItemInputs): T['items'];
  /** A batch of histories as tensors, which the caller disposes. Default {@link plainFeed}. */
  feed?(
    options: T['options'],
    groups: readonly FeedGroup[],
    state: T['state'] | undefined,
    place: FeedPlace,
  ): T['feed'];
  /** Histories to vectors: of the last item of each row, or of the positions that {@link Feed.read} lists. */
  queries(step: Step<T>, items: T['items'], feed: T['feed']): T['queries'];
  /** Items ready to be scored. */
  candidates(step: Step<T>, items: T['items'], which: Which): T['candidates'];
  /** The score of each candidate for each query, larger being better: [R, C], or [R, K] for candidates of each row's own. */
  scores(step: Step<T>, queries: T['queries'], candidates: T['candidates']): tf.Tensor2D;
  /** What it can be trained by, by name; the first is the default. */
  readonly objectives: Readonly<Record<string, ObjectiveDefinition<T>>>;
  /** Which weights are what. */
  readonly weights: WeightRoles<T['options']>;
  /** What it finds anew between epochs. */
  readonly state?: FoundState<T>;
  /** Why its recommendations for one history are what they are, the most important reason first. */
  explain?(options: T['options'], found: Explained<T>): Promise<Reason[]>;
}

/** What an explanation is made from: one history's feed and queries. */
export interface Explained<T extends ModelTypes> {
  /** Item numbers, oldest first, as the model read them. */
  history: readonly number[];
  /** The history's feed. */
  feed: T['feed'];
  /** The history's queries. */
  queries: T['queries'];
  /** What was found between epochs. */
  state: T['state'] | undefined;
}
