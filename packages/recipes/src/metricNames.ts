/** Names of the metrics that an evaluation at some cutoffs gives. */
export function metricNames(cutoffs: readonly number[], sampled = false): string[] {
  const names = [...cutoffs.flatMap((k) => [`recall@${k}`, `ndcg@${k}`]), 'mrr'];
  return sampled ? names.map((name) => `sampled-${name}`) : names;
}

/** Families of metrics that can be asked for by name at a cutoff. */
const families = ['recall', 'precision', 'hit', 'ndcg', 'ndcg-graded', 'mrr', 'map', 'map-elliot'];

/** Names of the metrics that can pick the best epoch: those above first, then all others. */
export function choosableMetrics(cutoffs: readonly number[], sampled = false): string[] {
  const more = cutoffs.flatMap((k) => families.map((family) => `${family}@${k}`));
  const all = sampled ? more.map((name) => `sampled-${name}`) : more;
  return [...new Set([...metricNames(cutoffs, sampled), ...all])];
}
