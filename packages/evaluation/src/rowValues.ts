import { requireDepth, type Lists } from './lists.ts';
import { isMany, listPlaces, type ManyPlaces } from './manyPlaces.ts';
import { areas, manyMetrics, manyValues, pooledArea, type ManyMetric } from './manyValues.ts';
import { gains, hits, maskedMean, reciprocalRanks, shareBehind, type Mask } from './metrics.ts';
import { placesOf, type Ranks, type TieRule } from './places.ts';

/**
 * What an evaluation found for every row: where its one relevant item stands, where each of any number of them stands,
 * or the list that it got and its relevant items.
 */
export type RowResults = Ranks | ManyPlaces | Lists;

/** R: how many rows there are. */
export function rowCount(results: RowResults): number {
  if ('listEnds' in results) return results.listEnds.length;
  if (isMany(results)) return results.relevantEnds.length;
  return 'better' in results ? results.better.length : results.length;
}

/** Metrics that may stand without a cutoff, over the whole ranking. */
const whole: readonly string[] = ['mrr', 'map', 'ndcg', 'ndcg-graded'];

/** A metric's name taken apart. */
export interface MetricName {
  /** What is measured. */
  readonly family: string;
  /** Over the first k; undefined for the whole ranking. */
  readonly k: number | undefined;
}

/** Takes `ndcg@10` apart; `hr` is another name of `hit`, and `sampled-ndcg@10` is NDCG@10 among a sample. */
export function metricName(name: string): MetricName {
  const [, family = '', cutoff] =
    /^(?:sampled-)?([a-z][a-z-]*)(?:@([1-9]\d*))?$/.exec(name.toLowerCase()) ?? [];
  return { family: family === 'hr' ? 'hit' : family, k: cutoff === undefined ? undefined : Number(cutoff) };
}

function unknown(name: string): RangeError {
  const cut = Object.keys(manyMetrics).map((family) => `${family}@k`);
  return new RangeError(
    `rowValues: the metric must be ${cut.join(', ')}, ${whole.join(', ')}, auc or gauc, got '${name}'`,
  );
}

/** Of rows with one relevant item each, where many a metric is the same as another. */
function singleValues(ranks: Ranks, { family, k }: MetricName, ties: TieRule): Float64Array | undefined {
  switch (family) {
    case 'recall':
    case 'hit':
      return k === undefined ? undefined : hits(ranks, k, ties);
    case 'precision':
      return k === undefined ? undefined : hits(ranks, k, ties).map((value) => value / k);
    case 'ndcg':
    case 'ndcg-graded':
      return gains(ranks, k ?? Infinity, ties);
    case 'mrr':
    case 'map':
      return reciprocalRanks(ranks, ties, k);
    case 'map-elliot': {
      const places = placesOf(ranks);
      const relevantEnds = Int32Array.from(places.better.keys(), (r) => r + 1);
      return k === undefined ? undefined : manyValues({ ...places, relevantEnds }, family, k, ties);
    }
    case 'auc':
    case 'gauc':
      return k === undefined ? shareBehind(placesOf(ranks), ties) : undefined;
    default:
      return undefined;
  }
}

/**
 * A metric of every row by its name, such as `ndcg@10`: what means, groups and paired tests are computed from. See
 * {@link manyValues} for `recall@k`, `precision@k`, `hit@k`, `ndcg@k`, `ndcg-graded@k`, `mrr@k`, `map@k` and
 * `map-elliot@k`; `mrr`, `map`, `ndcg` and `ndcg-graded` without a cutoff read the whole ranking; `auc` and `gauc` are
 * the area under the ROC curve of the row.
 *
 * @param results - Of R rows.
 * @returns [R]; NaN for rows that have no value, see {@link maskedMean}.
 * @throws RangeError for a metric that there is not, or that the results cannot tell: what lies beyond the end of lists.
 */
export function rowValues(results: RowResults, name: string, ties: TieRule = 'mid-rank'): Float64Array {
  const metric = metricName(name);
  const { family, k } = metric;
  const known = Object.hasOwn(manyMetrics, family);
  const area = (family === 'auc' || family === 'gauc') && k === undefined;
  if (!area && (!known || (k === undefined && !whole.includes(family)))) throw unknown(name);
  if ('listEnds' in results) {
    if (area || k === undefined)
      throw new RangeError(`rowValues: lists end somewhere, ${name} needs the whole ranking: give a cutoff`);
    requireDepth(results, k);
    return manyValues(listPlaces(results), family as ManyMetric, k, ties);
  }
  if (isMany(results))
    return area ? areas(results, ties) : manyValues(results, family as ManyMetric, k ?? Infinity, ties);
  const values = singleValues(results, metric, ties);
  if (!values) throw unknown(name);
  return values;
}

/**
 * A metric over rows: the mean of {@link rowValues} over rows that have a value. `auc` is the mean over relevant items
 * instead, so that a row with many weighs more; `gauc` (group AUC) is its mean over rows.
 *
 * @param mask - [R] 1 for rows that count.
 */
export function meanMetric(
  results: RowResults,
  name: string,
  { mask, ties = 'mid-rank' }: { mask?: Mask; ties?: TieRule } = {},
): number {
  if (metricName(name).family === 'auc' && isMany(results)) return pooledArea(results, ties, mask);
  return maskedMean(rowValues(results, name, ties), mask);
}

/**
 * The metrics that a result is shown by where none are named: recall, NDCG and MRR where rows have one relevant item,
 * more for many. Those of a ranking among samples are named `sampled-…`, wherever they go: they cannot be compared with
 * the others.
 */
export function defaultMetrics(results: RowResults, cutoffs: readonly number[]): string[] {
  if (!isMany(results) && !('listEnds' in results)) {
    const names = [...cutoffs.flatMap((k) => [`recall@${k}`, `ndcg@${k}`]), 'mrr'];
    return 'sampled' in results && results.sampled !== undefined
      ? names.map((name) => `sampled-${name}`)
      : names;
  }
  return cutoffs.flatMap((k) =>
    ['recall', 'precision', 'hit', 'ndcg', 'map', 'mrr'].map((family) => `${family}@${k}`),
  );
}

/**
 * The metrics of results, see {@link defaultMetrics}.
 *
 * @param results - Of R rows.
 * @param k - Cutoffs. Default 10 and 50.
 * @param mask - [R] 1 for rows that count.
 */
export function rankingMetrics(
  results: RowResults,
  k: readonly number[] = [10, 50],
  mask?: Mask,
  ties: TieRule = 'mid-rank',
): Record<string, number> {
  return Object.fromEntries(
    defaultMetrics(results, k).map((name) => [name, meanMetric(results, name, { mask, ties })]),
  );
}

/**
 * {@link rankingMetrics} and some more by name, such as the one that picks the best epoch.
 *
 * @param more - Names as {@link rowValues} knows them.
 */
export function metricsWith(
  results: RowResults,
  k: readonly number[] | undefined,
  more: readonly string[] = [],
  ties: TieRule = 'mid-rank',
): Record<string, number> {
  const found = rankingMetrics(results, k, undefined, ties);
  for (const name of more) found[name] ??= meanMetric(results, name, { ties });
  return found;
}
