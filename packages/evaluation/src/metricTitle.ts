const families: Readonly<Record<string, string>> = {
  recall: 'Recall',
  precision: 'Precision',
  hit: 'Hit rate',
  ndcg: 'NDCG',
  mrr: 'MRR',
  map: 'MAP',
  'ndcg-graded': 'graded NDCG',
  'map-elliot': "Elliot's MAP",
  auc: 'AUC',
  gauc: 'group AUC',
  items: 'items shown',
  coverage: 'coverage',
  gini: '1 − Gini',
  entropy: 'entropy',
  efd: 'EFD',
  epc: 'EPC',
  arp: 'ARP',
  aplt: 'APLT',
  aclt: 'ACLT',
};

/** How a metric reads in tables, charts and messages: `ndcg@10` is NDCG@10. */
export function metricTitle(name: string): string {
  if (name.startsWith('sampled-')) return `sampled ${metricTitle(name.slice('sampled-'.length))}`;
  return name.replace(/^[a-z-]+/, (family) => families[family] ?? family);
}
