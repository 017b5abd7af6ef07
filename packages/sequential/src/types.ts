/**
 * What a model's functions read and return.
 *
 * Letters: B rows of a group, R rows of all groups (or S positions that are read), L positions, N items, V rows of the
 * item tables (N + 1, or the items of a batch; row 0 is padding), C candidates, D width.
 */
import type { RandomSource, tf } from '@ferry/engine';
import type { Parameters } from '@ferry/nn';

/** Rows of a batch that share a padded length, on the host; {@link RowGroup} without what only batches need. */
export interface FeedGroup {
  /** L */
  length: number;
  /** [B * L] item numbers, oldest first, right-padded with 0. */
  history: Int32Array;
  /** [B] */
  lengths: Int32Array;
  /** [B], whose histories they are: index into the domain's users. Absent: nobody whom the training knew. */
  users?: Int32Array;
}

/**
 * A group of histories as a step reads it. Always right-padded: what a model calls left padding is a choice of position
 * numbers (`positions - length + l` instead of `l`), since nobody looks at padding.
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
   * int32 [S]: the positions that are read, numbered through the groups' [B * L] one after the other; their number is
   * rounded up with copies of the first. Absent: the last item of each row, R positions.
   */
  read?: tf.Tensor;
}

/** Where the histories of a feed point to. */
export interface FeedPlace {
  /** Longest history of the data. */
  longest: number;
  /** Row of the step's item tables for an item number. Default: the number itself. */
  rowOf?: (item: number) => number;
  /**
   * Whether sizes fit the rows at hand: less work for an evaluation. Default false: shapes depend on lengths alone, and so
   * do the random numbers that a step draws.
   */
  fitted?: boolean;
  /** The positions that are read, see {@link Feed.read}. Int32 [S]. */
  read?: Int32Array;
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
 * Which items are scored: `all` rows of the item tables, padding too, so that column i is item i; `items`, all but the
 * padding row, so that column i is item i + 1; int32 [C] rows that all queries share; int32 [R, K] rows of each query's
 * own.
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

/**
 * The types of a model whose items and queries are one vector each and whose score is their inner product: most models.
 */
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
