import type { Table } from '@ferry/report';
import type { BaselineName, BaselineResult } from './baselines.ts';
import type { Start } from './plan.ts';
import { coldRecall, type CellResult, type StudyRow } from './results.ts';

const title = (name: string): string =>
  name.replace('recall', 'Recall').replace('ndcg', 'NDCG').replace('mrr', 'MRR');

/** How a start reads in tables and charts. */
export const startName: Record<Start, string> = {
  scratch: 'scratch',
  'pre-trained': 'pretrained',
  'pre-trained-full': 'pretrained, full',
};

/** How a baseline reads in tables. */
const baselineName: Record<BaselineName, string> = {
  popularity: 'popularity',
  markov: 'first-order Markov',
  'item-cf': 'item-CF cosine',
};

/** How a line of the table reads in charts: its model where there are several, its start unless all start alike. */
export function lineName(
  { variant, start }: Pick<CellResult, 'variant' | 'start'>,
  all: readonly Pick<CellResult, 'start'>[],
): string {
  const alike = all.every((other) => other.start === start);
  if (variant === undefined) return startName[start];
  return alike ? variant : `${variant}, ${startName[start]}`;
}

/** The one table of a study: baselines, then models, mean and deviation over seeds, the best of each target in bold. */
export function studyTable(rows: readonly StudyRow[], baselines: readonly BaselineResult[] = []): Table {
  const metrics = Object.keys(rows[0]?.test ?? {}).filter((name) => name !== 'mrr');
  const hasCold = rows.some(({ cold }) => cold);
  const hasValid = rows.some(({ valid }) => valid);
  const hasVariants = rows.some(({ variant }) => variant !== undefined);
  const measured = (key: string, heading: string) => ({
    key,
    title: heading,
    kind: 'number' as const,
    decimals: 4,
    best: 'max' as const,
  });
  const targets = [...new Set(rows.map(({ target }) => target))];
  return {
    groupBy: 'target',
    columns: [
      { key: 'target', title: 'target' },
      { key: 'ids', title: 'IDs' },
      ...(hasVariants ? [{ key: 'variant', title: 'model' }] : []),
      { key: 'start', title: 'start' },
      ...metrics.map((key) => measured(key, title(key))),
      ...(hasCold ? [measured('cold', 'R@10 cold')] : []),
      ...(rows.some(({ valid }) => valid)
        ? [{ ...measured('valid', 'valid NDCG@10'), best: undefined }]
        : []),
      { key: 'epoch', title: 'epoch', kind: 'number', decimals: 0 },
      { key: 'trainable', title: 'weights', kind: 'number', decimals: 0 },
      { key: 'seconds', title: 's', kind: 'number', decimals: 0 },
    ],
    rows: targets.flatMap((target) => [
      ...baselines
        .filter((baseline) => baseline.target === target)
        .map((baseline) => ({
          target,
          start: baselineName[baseline.name],
          ...Object.fromEntries(metrics.map((name) => [name, baseline.test[name] ?? null])),
          ...(hasCold && { cold: coldRecall(baseline) ?? null }),
        })),
      ...rows
        .filter((row) => row.target === target)
        .map((row) => ({
          target,
          ids: row.ids ? 'yes' : 'no',
          ...(hasVariants && { variant: row.variant ?? null }),
          start: startName[row.start],
          ...Object.fromEntries(metrics.map((name) => [name, row.test[name]])),
          ...(hasCold && { cold: row.cold ?? null }),
          ...(hasValid && { valid: row.valid ?? null }),
          epoch: row.bestEpoch.mean,
          trainable: row.trainable,
          seconds: row.seconds.mean,
        })),
    ]),
  };
}
