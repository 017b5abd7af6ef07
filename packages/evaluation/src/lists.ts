/**
 * Recommended lists of rows that may have any number of relevant items, such as a user's items of the test split.
 * Letters: R rows. Row r's list is `items[listEnds[r - 1]..listEnds[r])`, best first; its relevant items are
 * `relevant[relevantEnds[r - 1]..relevantEnds[r])`, in any order.
 */
export interface Lists extends RankedLists {
  /** Item numbers, one row's after the other's; a row may have none, and has no accuracy then. */
  readonly relevant: Int32Array;
  /** End of each row's relevant items; [R]. */
  readonly relevantEnds: Int32Array;
  /** Gain of each entry of `relevant`, above 0. Default 1 each. */
  readonly gains?: Float32Array;
}

/** Recommended lists. */
export interface RankedLists {
  /** Item numbers, lists one after the other. */
  readonly items: Int32Array;
  /** End of each list in `items`; [R]. */
  readonly listEnds: Int32Array;
  /** Items that were asked for; lists may be shorter, where there were fewer candidates. Default: any number. */
  readonly depth?: number;
}

/** Throws where a cutoff lies below what lists hold: what stands there is not known. */
export function requireDepth({ depth = Infinity }: RankedLists, k: number): void {
  if (k > depth)
    throw new RangeError(`lists: they hold ${depth} items each, which says nothing of a cutoff of ${k}`);
}
