/** Names of the metrics that an evaluation at some cutoffs gives. */
export function metricNames(cutoffs: readonly number[]): string[] {
  return [...cutoffs.flatMap((k) => [`recall@${k}`, `ndcg@${k}`]), 'mrr'];
}
