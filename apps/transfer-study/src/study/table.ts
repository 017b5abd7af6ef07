import type { Table } from '@ferry/report';
import type { StudyRow } from './results.ts';

const title = (name: string): string =>
  name.replace('recall', 'Recall').replace('ndcg', 'NDCG').replace('mrr', 'MRR');

/** How a start reads in tables and charts. */
export const startName = { scratch: 'scratch', 'pre-trained': 'pretrained' } as const;

/** The one table of a study: mean and deviation over seeds, the best of each target in bold. */
export function studyTable(rows: readonly StudyRow[]): Table {
  const metrics = Object.keys(rows[0]?.test ?? {}).filter((name) => name !== 'mrr');
  const isMeasured = rows.some(({ cold }) => cold);
  return {
    groupBy: 'target',
    columns: [
      { key: 'target', title: 'target' },
      { key: 'ids', title: 'IDs' },
      { key: 'start', title: 'start' },
      ...metrics.map((key) => ({
        key,
        title: title(key),
        kind: 'number' as const,
        decimals: 4,
        best: 'max' as const,
      })),
      ...(isMeasured
        ? [
            {
              key: 'cold',
              title: 'R@10 cold',
              kind: 'number' as const,
              decimals: 4,
              best: 'max' as const,
            },
          ]
        : []),
      { key: 'epoch', title: 'epoch', kind: 'number', decimals: 0 },
      { key: 'trainable', title: 'weights', kind: 'number', decimals: 0 },
      { key: 'seconds', title: 's', kind: 'number', decimals: 0 },
    ],
    rows: rows.map((row) => ({
      target: row.target,
      ids: row.ids ? 'yes' : 'no',
      start: startName[row.start],
      ...Object.fromEntries(metrics.map((name) => [name, row.test[name]])),
      ...(isMeasured && { cold: row.cold ?? null }),
      epoch: row.bestEpoch.mean,
      trainable: row.trainable,
      seconds: row.seconds.mean,
    })),
  };
}
