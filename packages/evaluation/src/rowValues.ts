import { listValues, type ListMetric, type Lists } from './lists.ts';
import { gains, hits, reciprocalRanks } from './metrics.ts';
import type { Ranks, TieRule } from './places.ts';

/** What an evaluation found for every row: where its one relevant item stands, or the list it got and its relevant items. */
export type RowResults = Ranks | Lists;

const listMetrics: readonly string[] = [
  'recall',
  'precision',
  'hit',
  'ndcg',
  'mrr',
  'map',
] satisfies ListMetric[];

/**
 * A metric of every row by its name, such as `ndcg@10`: what means, groups and paired tests are computed from.
 *
 * @param results - Of R rows.
 * @param name - `recall@k`, `ndcg@k` or `mrr`; for lists also `precision@k`, `hit@k`, `map@k` and `mrr@k`.
 * @returns [R].
 * @throws RangeError for a metric that the results do not have.
 */
export function rowValues(results: RowResults, name: string, ties: TieRule = 'mid-rank'): Float64Array {
  const [, family, cutoff] = /^([a-z]+)(?:@(\d+))?$/.exec(name) ?? [];
  const k = Number(cutoff);
  if ('listEnds' in results) {
    if (family !== undefined && cutoff !== undefined && listMetrics.includes(family))
      return listValues(results, family as ListMetric, k);
  } else if (cutoff === undefined) {
    if (family === 'mrr') return reciprocalRanks(results, ties);
  } else {
    if (family === 'recall' || family === 'hit') return hits(results, k, ties);
    if (family === 'ndcg') return gains(results, k, ties);
  }
  throw new RangeError(
    `rowValues: the metric must be recall@k, ndcg@k or ${'listEnds' in results ? `${listMetrics.join('@k, ')}@k` : 'mrr'}, got '${name}'`,
  );
}
