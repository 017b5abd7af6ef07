/**
 * News and impressions in memory. Shape letters: N news, R impressions, C candidates of an impression, U users.
 *
 * News are numbered 1..N; number 0 is padding, the empty news. Every list about news has an entry for number 0, so that
 * a news' number is its place.
 */

/** Ids and their numbers, kept as bytes. */
export interface Ids {
  /** How many there are. */
  readonly size: number;
  /** An id as text. */
  text(number: number): string;
  /** Number of an id, -1 if it is not there. */
  findText(id: string): number;
}

/** A list of numbers for each of some rows, all in one array. */
export interface NumberLists {
  /** Row r has `values[offsets[r]..offsets[r + 1])`. Int32 [rows + 1]. */
  readonly offsets: Int32Array;
  /** The numbers of all rows, one row behind the other. */
  readonly values: Int32Array;
}

/** The news of one or several MIND folders. */
export interface News {
  /** Ids such as N55528, by number; number 0 has ''. Size N + 1. */
  readonly ids: Ids;
  /** N. */
  readonly count: number;
  /**
   * News 1..described have a line in a file of news, in its order; news described + 1..N are only named by behaviours,
   * in the order of their first occurrence, and have no text, category or entities: a model of texts must cope with
   * them (see `textMask`), one of ids knows them as any other.
   */
  readonly described: number;
  /** Titles; '' where there is none. [N + 1]. */
  readonly titles: readonly string[];
  /** Abstracts; '' where there is none, as for many. [N + 1]. */
  readonly abstracts: readonly string[];
  /** Index into {@link categoryNames}; 0 where there is none. Int32 [N + 1]. */
  readonly categories: Int32Array;
  /** Names of the categories; entry 0 is ''. */
  readonly categoryNames: readonly string[];
  /** Index into {@link subcategoryNames}; 0 where there is none. Int32 [N + 1]. */
  readonly subcategories: Int32Array;
  /** Names of the subcategories; entry 0 is ''. */
  readonly subcategoryNames: readonly string[];
  /** Wikidata ids of the entities, such as Q165972; entry 0 is ''. */
  readonly entityNames: readonly string[];
  /** Entities of each title, indices into {@link entityNames}, one for each that is linked. Rows 0..N. */
  readonly titleEntities: NumberLists;
  /** Entities of each abstract, as {@link titleEntities}. */
  readonly abstractEntities: NumberLists;
  /** Picture of each news, a path, or undefined: see {@link MindFiles.news}. [N + 1]. */
  readonly images: readonly (string | undefined)[];
}

/** The impressions of one behaviors.tsv, in its order. */
export interface Impressions {
  /** Where they were read from, or what made them. */
  readonly source: string;
  /** R. */
  readonly count: number;
  /** Ids as the file gives them. Float64 [R]. */
  readonly ids: Float64Array;
  /** Index into {@link MindData.users}. Int32 [R]. */
  readonly users: Int32Array;
  /** Seconds since 1970, the file's clock taken for UTC. Float64 [R]. */
  readonly times: Float64Array;
  /**
   * What was clicked before, numbers of news, oldest first and whole: models cut it. Impression r has
   * `history[historyStarts[r]..historyEnds[r])`, which may be empty; impressions of a user share theirs where it is the
   * same.
   */
  readonly history: Int32Array;
  /** Where each impression's history begins. Int32 [R]. */
  readonly historyStarts: Int32Array;
  /** Where it ends, exclusive. Int32 [R]. */
  readonly historyEnds: Int32Array;
  /** The news that were shown, numbers of news in the order of the file. Rows 0..R-1. */
  readonly candidates: NumberLists;
  /**
   * 1 for each of the candidates that was clicked, 0 for the others, as long as `candidates.values`; absent in test
   * files.
   */
  readonly labels?: Uint8Array;
}

/** Where news and impressions lie. */
export interface MindFiles {
  /**
   * Files of news, in MIND's form (eight columns, no header) or with a header that names `nid`, `title` and what else
   * there is, as xMIND has it. A news of several files is completed from one after the other. Its picture is
   * `images/<id>.png` (or jpg, jpeg, webp) beside such a file.
   */
  readonly news: readonly string[];
  /** Files of behaviours by the name of the split. */
  readonly behaviours: Readonly<Record<string, string>>;
  /**
   * Files of news whose titles and abstracts are taken instead of those of `news`: MIND in another language. A news
   * without a line there has no text.
   */
  readonly texts?: readonly string[];
}

/** News and the impressions of some splits that show them. */
export interface MindData {
  /** The news of all splits. */
  readonly news: News;
  /** Ids of the users of all splits; a user's number is the place among them, from 0. */
  readonly users: Ids;
  /** Impressions by the name of the split, such as `train` and `dev`. */
  readonly splits: Readonly<Record<string, Impressions>>;
  /** What was noticed and is worth saying, a sentence each. */
  readonly warnings: readonly string[];
}
