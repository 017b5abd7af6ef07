/**
 * What a sequential recommender is. The file of a model exports one value of type {@link SequentialModel}; everything
 * else (training steps, full ranking, recommending, saving, carrying weights to another domain) is made from it, once
 * for all models.
 */
import type { RandomStream, tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import type { StateArray } from '@ferry/training';
import type { z } from 'zod';
import type { Catalogue, FeatureWidths, ItemInputs } from './catalogue.ts';
import type { GroupedBatch } from './groups.ts';
import type { FeedGroup, FeedPlace, ModelTypes, Queries, Step, Which } from './types.ts';

/** What the data say about a model that its settings do not. */
export interface DomainFacts extends FeatureWidths {
  /** What the model is made for. */
  task: 'pretrain' | 'finetune';
}

/**
 * Something a model finds anew before every epoch, and that evaluation reads beside the weights (MISSRec's interests).
 */
export interface FoundState<T extends ModelTypes> {
  /** Makes what finds it, for the life of a model. */
  create(
    p: T['parameters'],
    options: T['options'],
    catalogue: Catalogue,
  ): {
    /**
     * Finds it from the present weights; undefined if these settings have none.
     *
     * @param items - Those of the catalogue, with what its encoders make of them now.
     */
    find(random: RandomStream, items: ItemInputs): Promise<T['state'] | undefined>;
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
  /** How it spreads over the items, for reports. */
  interests?(options: T['options'], state: T['state']): InterestSizes;
}

/** How the interests of a model spread over the items of its catalogue. */
export interface InterestSizes {
  /** K. */
  readonly count: number;
  /** Items in each interest by modality, interests in order of falling total; [K] each. */
  readonly sizes: Readonly<Record<string, readonly number[]>>;
  /** Interests that hold tokens of more than one modality. */
  readonly mixed: number;
  /** How many equally large interests would be as spread out. */
  readonly effective: number;
}

/** What a recipe says that settings of a model or an objective may depend on. */
export interface RecipeFacts extends Pick<DomainFacts, 'task'> {
  /** The modalities that items have features of, text before image. */
  readonly modalities: readonly string[];
  /** Whether items have IDs. */
  readonly ids: boolean;
}

/** Takes what is wrong with settings: keys within them, and the rule with what was found. */
export type Report = (key: readonly (string | number)[], message: string) => void;

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
  /**
   * Weights that belong to the items of one catalogue, [N + 1, ...], row 0 of padding: they stay behind when weights are
   * carried to another, and go by the ids of their rows when a training goes on.
   */
  ofItems(options: O): readonly string[];
  /** The same of the users of one domain, [U, ...]. */
  ofUsers?(options: O): readonly string[];
  /**
   * Weights a source may lack, such as the adapter of a modality it does not have; at least one must be carried over if
   * there are any.
   */
  optional?(options: O): readonly string[];
  /** Weights the loss does not depend on under these settings: never trained. */
  unused?(options: O): readonly string[];
  /** What each tuning leaves as it is, besides `all`, which trains everything. */
  tune: Readonly<Record<string, { freeze: readonly string[] }>>;
  /** Weights that never decay. */
  noDecay?: readonly string[];
}

/**
 * A sequential recommender. All functions are pure in (weights, settings, inputs, random source) and are compiled by
 * the caller; tensors they return are nests (records, arrays). See {@link innerProduct} for `candidates` and `scores`
 * of most models, and `towers` for `items`.
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
  /** Rules between settings of a recipe, checked before any work; what it lets pass `complete` may still refuse. */
  check?(settings: object, facts: RecipeFacts, problem: Report): void;
  /**
   * Dotted key of the setting that says whether items have IDs, such as `tower.ids`: where weights are carried from
   * domain to domain, the job sets it (`ids` of a fine-tuning; off in pre-training). Default: there is none.
   */
  readonly idsAt?: string;
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
  /**
   * The score of each candidate for each query vector, larger being better: [R, C], or [R, K] for candidates of each
   * row's own.
   */
  scores(step: Step<T>, queries: Queries, candidates: T['candidates']): tf.Tensor2D;
  /**
   * Says that `scores` is the inner product of query vectors with `candidates(…).vectors`, so that what holds for
   * products may be used (blocks of items in a softmax). Default: nothing is known.
   */
  readonly product?: true;
  /** What it can be trained by, by name; the first is the default. */
  readonly objectives: Readonly<Record<string, ObjectiveDefinition<T>>>;
  /** The default objective of a task, where it is not the first. */
  readonly objectiveOf?: Readonly<Partial<Record<DomainFacts['task'], string>>>;
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

/** Training examples of one step. */
export interface Examples {
  /** [B * stride] item numbers of the catalogue, right-padded with 0. */
  history: Int32Array;
  /** [B] */
  lengths: Int32Array;
  /** The item after each history, [B]. */
  targets: Int32Array;
  /** The user of each example, [B]; absent with several sources. */
  users?: Int32Array;
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
  /**
   * Every item a user of the examples has in training, which negatives may keep clear of.
   *
   * @param heldOut - Whether what is held out for validation and test counts too. Default false.
   */
  seen(user: number, heldOut?: boolean): ReadonlySet<number>;
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
   * The items of the step, padding (0) first: item number of each row of its item tables. Absent: the whole catalogue
   * in order. Int32 [V].
   */
  numbers?: Int32Array;
  /** Whether the step reads word-dropped text. Default false. */
  words?: boolean;
}

/** What a loss is computed with. */
export interface LossStep<T extends ModelTypes> extends Step<T> {
  /** The model. */
  readonly model: SequentialModel<T>;
  /** The items of the step, raw. */
  readonly inputs: ItemInputs;
  /** The items of the step, through the towers: made at the first call. */
  items(): T['items'];
  /** N of the catalogue. */
  readonly count: number;
}

/**
 * What a model is trained by: how examples become a step's inputs (on the host) and a step's inputs a loss (in the
 * compiled step).
 *
 * @typeParam X - The inputs, a nest of tensors.
 */
export interface Objective<T extends ModelTypes, X extends object = object> {
  /**
   * `prefixes`: an example is a history and the item after it. `sequences`: a user's whole training sequence, each of
   * whose items but the first is a target. `interactions`: a user and each item, the first too, whose history is empty.
   */
  readonly examples: 'prefixes' | 'sequences' | 'interactions';
  /** Names of what `loss` reports besides the loss. */
  readonly terms: readonly string[];
  /**
   * Share of a source in the batches, unless the training says another: its rows to this power. Default 1: as large as
   * it is.
   */
  readonly balance?: number;
  /**
   * Whether it can be used at all; called before any work.
   *
   * @throws Error that says what is missing.
   */
  check?(facts: Pick<Preparation<T>, 'options' | 'items' | 'words'>): void;
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
  /** Rules between settings of a recipe, checked before any work. */
  check?(settings: object, facts: RecipeFacts, problem: Report): void;
  /** Whether with these settings it reads texts with words dropped. Default false. */
  words?(settings: object): boolean;
  /** The objective; `settings` as `options` gives them. */
  create(settings: object, options: T['options']): Objective<T>;
}
