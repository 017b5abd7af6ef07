/** Names of the metrics that an evaluation at some cutoffs gives. */
export function metricNames(cutoffs: readonly number[], sampled = false): string[] {
  const names = [...cutoffs.flatMap((k) => [`recall@${k}`, `ndcg@${k}`]), 'mrr'];
  return sampled ? names.map((name) => `sampled-${name}`) : names;
}
