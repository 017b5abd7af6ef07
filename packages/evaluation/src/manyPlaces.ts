import type { Lists } from './lists.ts';
import type { Places } from './places.ts';

/**
 * Where every relevant item of rows with any number of them stands, such as all test items of a user. Letters: R rows,
 * P relevant items of all rows together. Row r's items are the entries `relevantEnds[r - 1]..relevantEnds[r]` of the
 * other arrays.
 *
 * `better` and `tied` count all other candidates of the row, relevant ones included; an item that is no candidate at
 * all, because the model does not know it, has {@link nowhere} better ones.
 */
export interface ManyPlaces extends Places {
  /** End of each row's relevant items; a row may have none. [R] */
  readonly relevantEnds: Int32Array;
  /** Candidates of each row, the relevant ones among them included; [R]. AUC needs them. */
  readonly candidates?: Int32Array;
  /** Gain of each relevant item, above 0, for graded NDCG. Default 1 each. [P] */
  readonly gains?: Float32Array;
}

/** As many better candidates as no list has. */
export const nowhere = 2 ** 31 - 1;

/** Whether rows may have any number of relevant items. */
export function isMany(results: object): results is ManyPlaces {
  return 'relevantEnds' in results && 'better' in results && results.relevantEnds !== undefined;
}

/**
 * The same rows as if only some of their relevant items were relevant; the others are candidates like any.
 *
 * @param keep - Asked of each relevant item by its place in the arrays.
 */
export function pickRelevant(places: ManyPlaces, keep: (item: number) => boolean): ManyPlaces {
  const { better, tied, relevantEnds, candidates, gains } = places;
  const kept = Array.from(better.keys()).filter(keep);
  let at = 0;
  return {
    better: Int32Array.from(kept, (item) => better[item]!),
    tied: Int32Array.from(kept, (item) => tied[item]!),
    relevantEnds: relevantEnds.map((end) => {
      while (at < kept.length && kept[at]! < end) at++;
      return at;
    }),
    candidates,
    ...(gains && { gains: Float32Array.from(kept, (item) => gains[item]!) }),
  };
}

/** Elliot's gain of a rating: 2^(rating - threshold + 1) - 1; relevant are ratings from the threshold on. */
export function ratingGain(rating: number, threshold = 0): number {
  return 2 ** (rating - threshold + 1) - 1;
}

/**
 * Lists as places: the n-th item of a list has n - 1 better ones, and an item that is in no list stands {@link nowhere}.
 *
 * @throws RangeError for an item twice in a list, or arrays that do not fit together.
 */
export function listPlaces({ items, listEnds, relevant, relevantEnds, gains }: Lists): ManyPlaces {
  if (listEnds.length !== relevantEnds.length)
    throw new RangeError(
      `lists: listEnds and relevantEnds must have an entry per row, got ${listEnds.length} and ${relevantEnds.length}`,
    );
  const better = new Int32Array(relevant.length);
  for (let r = 0; r < listEnds.length; r++) {
    const start = listEnds[r - 1] ?? 0;
    const placeOf = new Map<number, number>();
    for (let i = start; i < listEnds[r]!; i++) {
      if (placeOf.has(items[i]!))
        throw new RangeError(`lists: a list must not hold an item twice, got ${items[i]!} in row ${r}`);
      placeOf.set(items[i]!, i - start);
    }
    for (let p = relevantEnds[r - 1] ?? 0; p < relevantEnds[r]!; p++)
      better[p] = placeOf.get(relevant[p]!) ?? nowhere;
  }
  return { better, tied: new Int32Array(relevant.length), relevantEnds, gains };
}

/** The relevant items of a row that stand on the same places, because they tie or because they are one. */
export interface TieGroup {
  /** Candidates that are better than all of it: it stands on the places `before + 1 .. before + width`. */
  readonly before: number;
  /** Places that it is spread over, candidates that are not relevant included. */
  readonly width: number;
  /** Relevant items in it. */
  readonly count: number;
  /** Their gains added up. */
  readonly gain: number;
}

/** A row, taken apart. */
export interface ManyRow {
  /** Its relevant items, best first; those that stand nowhere are left out. */
  readonly groups: readonly TieGroup[];
  /** Gains of all its relevant items, largest first. */
  readonly gains: readonly number[];
  /** How many of its relevant items are candidates. */
  readonly known: number;
}

/**
 * Rows by groups of ties. With `pessimistic` and `optimistic` ties every relevant item has one place: the last ones of
 * its tie, smaller gains first, or the first ones, larger gains first.
 */
export function* rowsOf(
  places: ManyPlaces,
  ties: 'mid-rank' | 'pessimistic' | 'optimistic',
): Generator<ManyRow> {
  const { better, tied, relevantEnds } = places;
  const gainOf = (p: number): number => places.gains?.[p] ?? 1;
  for (let r = 0; r < relevantEnds.length; r++) {
    const start = relevantEnds[r - 1] ?? 0;
    const own = Array.from({ length: relevantEnds[r]! - start }, (_, i) => start + i);
    const gains = own.map(gainOf).sort((a, b) => b - a);
    const found = own.filter((p) => better[p]! < nowhere).sort((a, b) => better[a]! - better[b]!);
    const groups: TieGroup[] = [];
    for (let i = 0; i < found.length;) {
      const before = better[found[i]!]!;
      let end = i;
      while (end < found.length && better[found[end]!] === before) end++;
      const group = found.slice(i, end);
      const width = tied[found[i]!]! + 1;
      if (group.length > width)
        throw new RangeError(
          `ranking: ${group.length} relevant items of row ${r} stand on ${width} places after ${before} better ones`,
        );
      i += group.length;
      if (ties === 'mid-rank') {
        groups.push({
          before,
          width,
          count: group.length,
          gain: group.reduce((sum, p) => sum + gainOf(p), 0),
        });
        continue;
      }
      const last = ties === 'pessimistic';
      const sorted = group.map(gainOf).sort((a, b) => (last ? a - b : b - a));
      const first = last ? before + width - group.length : before;
      for (const [at, gain] of sorted.entries())
        groups.push({ before: first + at, width: 1, count: 1, gain });
    }
    yield { groups, gains, known: found.length };
  }
}
