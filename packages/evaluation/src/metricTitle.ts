const families: Readonly<Record<string, string>> = {
  recall: 'Recall',
  precision: 'Precision',
  hit: 'Hit rate',
  ndcg: 'NDCG',
  mrr: 'MRR',
  map: 'MAP',
};

/** How a metric reads in tables, charts and messages: `ndcg@10` is NDCG@10. */
export function metricTitle(name: string): string {
  return name.replace(/^[a-z]+/, (family) => families[family] ?? family);
}
