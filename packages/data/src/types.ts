/**
 * The in-memory domain. Shape letters: B rows in a batch, L positions in a history, N items, U users.
 * An item's number is its index in the item index + 1; number 0 is padding.
 */

/** The catalogue of a domain; position i of every list describes item number i + 1. */
export interface Items {
  /** Raw ids (ASINs, MovieLens ids …) as text, in the order of the item index; feature rows follow it. */
  ids: string[];
  /** Titles, or the text where the data has none; '' without either. */
  titles: string[];
  /** The text a sentence encoder reads, or the title where the data has none; '' without either. */
  texts: string[];
  /** Picture of each item as the file states it (a path relative to the domain's directory), or undefined. */
  images: (string | undefined)[];
  /** Row of each item in a shared feature file, -1 where it has none; absent if no item has one. Int32 [N]. */
  clipRows?: Int32Array;
}

/**
 * Examples of one split: a history and the item that followed it. All splits of a domain share one flat
 * `items` buffer, so a prefix costs twelve bytes, not a copy.
 */
export interface Rows {
  /** Index into {@link Domain.users}. Int32 [R]. */
  users: Int32Array;
  /** The item that followed, 1..N. Int32 [R]. */
  targets: Int32Array;
  /** Flat item numbers, oldest first. */
  items: Int32Array;
  /** Row r's history is `items[starts[r]..ends[r])`: never empty, and whole; models cut it. Int32 [R]. */
  starts: Int32Array;
  /** End (exclusive) of each history in `items`. Int32 [R]. */
  ends: Int32Array;
}

/** Each user's whole sequence in the same flat buffer as the rows. */
export interface Sequences {
  /** Flat item numbers, oldest first; the same buffer as {@link Rows.items}. */
  items: Int32Array;
  /** User u's sequence is `items[starts[u]..ends[u])`. Int32 [U]. */
  starts: Int32Array;
  /** End (exclusive) of each sequence. Int32 [U]. */
  ends: Int32Array;
  /** Time of each entry of `items` in the data's own unit; absent unless every interaction has one. */
  times?: Float64Array;
  /** Rating of each entry of `items`; absent unless the data have one for every interaction and the form says so. */
  ratings?: Float32Array;
}

/** How a domain is split into training, validation and test rows; see {@link splitDomain}. */
export type ProtocolName =
  'leave-one-out' | 'random-by-user' | 'temporal-by-user' | 'global-temporal' | 'files';

/**
 * One catalogue with its users, split leave-one-out. Users with fewer than three interactions have a sequence and no
 * row.
 */
export interface Domain {
  /** The directory's name, unless the caller gave another. */
  name: string;
  /** Where it was read from: features are looked up here. */
  directory: string;
  /** The files it was read from and their form, for people. */
  form?: string;
  /**
   * How it is split, a {@link ProtocolName}: leave-one-out, or as its files say; another way after {@link splitDomain},
   * `leave-one-out (validUsers 2048)` among them: its test rows are those of leave-one-out, its training rows are not.
   */
  protocol?: string;
  /**
   * Says that sequences are sets: their order, and so histories, mean nothing. Only user-item models can be trained
   * then.
   */
  unordered?: true;
  /** The catalogue. */
  items: Items;
  /** Raw user ids, in the order of the user index (atomic) or of the file (jsonl). */
  users: string[];
  /** Whole sequences. */
  sequences: Sequences;
  /**
   * Leave-one-out: every prefix with at least one item of the sequence without its last two items, and the item after
   * it.
   */
  train: Rows;
  /** Leave-one-out: the second last item of each user after everything before it. */
  valid: Rows;
  /** Leave-one-out: the last item of each user after everything before it, the validation item included. */
  test: Rows;
  /**
   * Training interactions of each item: all but a user's last two, the first item included. Entry 0 (padding) is 0.
   * Int32 [N + 1].
   */
  trainCounts: Int32Array;
  /**
   * Each user's training interactions, oldest first; empty for a user who has none. What counts and closed forms are
   * made from.
   */
  training: Sequences;
  /** What the reader noticed and did about it (users dropped, rows kept apart …), one sentence each. */
  warnings: string[];
}

/** A padded batch of {@link Rows}. */
export interface Batch {
  /** Which rows these are. Int32 [B]. */
  rows: Int32Array;
  /** Index of each row's user. Int32 [B]. */
  users: Int32Array;
  /** B, filling rows included. */
  size: number;
  /** How many leading rows are real; smaller than B only in a filled last batch, whose last row is repeated. */
  valid: number;
  /** L: the padded length. */
  length: number;
  /** Item numbers, oldest first, right-padded with 0. Int32 [B * L]. */
  history: Int32Array;
  /** Length of each history. Int32 [B]. */
  lengths: Int32Array;
  /** The item that followed. Int32 [B]. */
  targets: Int32Array;
}
