import { requireCutoff } from './metrics.ts';

/**
 * Recommended lists of rows that may have several relevant items each, such as a user's items of the test split. Letters: R rows.
 * Row r's list is `items[listEnds[r - 1]..listEnds[r])`, best first; its relevant items are
 * `relevant[relevantEnds[r - 1]..relevantEnds[r])`, in any order.
 */
export interface Lists {
  /** Item numbers, lists one after the other. */
  readonly items: Int32Array;
  /** End of each list in `items`; [R]. */
  readonly listEnds: Int32Array;
  /** Item numbers, one row's after the other's; every row has at least one. */
  readonly relevant: Int32Array;
  /** End of each row's relevant items; [R]. */
  readonly relevantEnds: Int32Array;
  /** Gain of each entry of `relevant`, above 0. Default 1 each. */
  readonly gains?: Float32Array | undefined;
}

/** Metrics of lists. */
export type ListMetric = 'recall' | 'precision' | 'hit' | 'ndcg' | 'mrr' | 'map';

/** A row, taken apart. */
interface Row {
  /** Gain at each place of the list, 0 where the item is not relevant. */
  readonly found: readonly number[];
  /** Gains of all relevant items, largest first. */
  readonly ideal: readonly number[];
}

function* rowsOf(lists: Lists): Generator<Row> {
  const { items, listEnds, relevant, relevantEnds, gains } = lists;
  if (listEnds.length !== relevantEnds.length)
    throw new RangeError(
      `lists: listEnds and relevantEnds must have an entry per row, got ${listEnds.length} and ${relevantEnds.length}`,
    );
  for (let r = 0; r < listEnds.length; r++) {
    const from = relevantEnds[r - 1] ?? 0;
    const gainOf = new Map<number, number>();
    for (let i = from; i < relevantEnds[r]!; i++) gainOf.set(relevant[i]!, gains ? gains[i]! : 1);
    if (gainOf.size === 0)
      throw new RangeError(`lists: every row must have a relevant item, got none in row ${r}`);
    const found: number[] = [];
    const seen = new Set<number>();
    for (let i = listEnds[r - 1] ?? 0; i < listEnds[r]!; i++) {
      const item = items[i]!;
      if (seen.has(item))
        throw new RangeError(`lists: a list must not hold an item twice, got ${item} in row ${r}`);
      seen.add(item);
      found.push(gainOf.get(item) ?? 0);
    }
    yield { found, ideal: [...gainOf.values()].sort((a, b) => b - a) };
  }
}

const discounted = (gains: readonly number[]): number =>
  gains.reduce((sum, gain, i) => sum + gain / Math.log2(i + 2), 0);

const measures: Record<ListMetric, (row: Row, k: number) => number> = {
  recall: ({ found, ideal }) => found.filter((gain) => gain > 0).length / ideal.length,
  precision: ({ found }, k) => found.filter((gain) => gain > 0).length / k,
  hit: ({ found }) => Number(found.some((gain) => gain > 0)),
  ndcg: ({ found, ideal }, k) => discounted(found) / discounted(ideal.slice(0, k)),
  mrr: ({ found }) => 1 / (found.findIndex((gain) => gain > 0) + 1 || Infinity),
  map: ({ found, ideal }, k) => {
    let hits = 0;
    const sum = found.reduce((total, gain, i) => (gain > 0 ? total + ++hits / (i + 1) : total), 0);
    return sum / Math.min(ideal.length, k);
  },
};

/**
 * A metric of every row, over the first k of its list: `recall` (found / relevant), `precision` (found / k), `hit` (1 if any is
 * found), `ndcg` (Σ gain / log2(place + 1), as a share of the best order's), `mrr` (1 / place of the first), `map` (mean precision
 * at the places of the relevant items, over min(relevant, k)).
 *
 * @returns [R].
 * @throws RangeError for a row without relevant items, an item twice in a list, or k below 1.
 */
export function listValues(lists: Lists, metric: ListMetric, k: number): Float64Array {
  requireCutoff('listValues', k);
  return Float64Array.from(rowsOf(lists), ({ found, ideal }) =>
    measures[metric]({ found: found.slice(0, k), ideal }, k),
  );
}
