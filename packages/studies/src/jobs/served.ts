import type { NamedItem } from './recommend.ts';

/** An item of a list. */
export interface ScoredItem extends NamedItem {
  /** What the list is ordered by. */
  readonly score: number;
}

/** A run held open to answer requests. */
export interface ServedRun {
  /** The run directory. */
  readonly run: string;
  /** Name of the model. */
  readonly model: string;
  /** Name of the domain. */
  readonly domain: string;
  /** N: items that can be recommended. */
  readonly items: number;
  /** Where the weights came from. */
  readonly checkpoint: string;
  /** Whether there is an item of this id. */
  hasItem(id: string): boolean;
  /** Everything a user of the domain did, oldest first; undefined for a user that it does not have. */
  historyOf(user: string): string[] | undefined;
  /**
   * Top items after a history. One call at a time.
   *
   * @param history - Ids of items, oldest first, at least one; all of them known.
   * @param options - `user`: whose history it is, for a model that knows users.
   */
  recommend(
    history: readonly string[],
    options: { top: number; again: boolean; user?: string },
  ): Promise<ScoredItem[]>;
  /**
   * All of some candidates, best first; absent for a model that ranks its own items alone. One call at a time.
   *
   * @param history - As above.
   * @param candidates - Ids of items, at least one; all of them known.
   */
  readonly rank?: (
    history: readonly string[],
    candidates: readonly string[],
    user?: string,
  ) => Promise<ScoredItem[]>;
  /** Frees everything. */
  dispose(): void;
}
