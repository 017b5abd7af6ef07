import { metricTitle } from '@ferry/evaluation';
import type { Column, Table } from '@ferry/report';
import { cellOf, choicesOf, type Axis } from './axes.ts';
import type { BaselineName, BaselineResult } from './baselines.ts';
import { coldRecall, recallOf, type Measure, type StudyRow } from './results.ts';

/** How a baseline reads in tables. */
const baselineTitle: Record<BaselineName, string> = {
  popularity: 'popularity',
  markov: 'first-order Markov',
  'item-cf': 'item-CF cosine',
  ease: 'EASE',
  'content-last': 'content of the last item',
  'content-history': 'content of the history',
};

/** The one table of a study: baselines, then models, mean and deviation over seeds, the best of each target in bold. */
export function studyTable(
  axes: readonly Axis[],
  rows: readonly StudyRow[],
  measure: Measure,
  baselines: readonly BaselineResult[] = [],
): Table {
  const { metric } = measure;
  // MRR takes a column only where it leads.
  const metrics = Object.keys(rows[0]?.test ?? {}).filter((name) => !name.endsWith('mrr') || name === metric);
  const hasCold = rows.some(({ cold }) => cold);
  const hasValid = rows.some(({ valid }) => valid);
  const group = axes[0]!;
  const nameKey = choicesOf(axes).at(-1)!.key;
  const measured = (key: string, title: string): Column => ({
    key,
    title,
    kind: 'number',
    decimals: 4,
    best: 'max',
  });
  const groups = [...new Set(rows.map(({ place }) => place[group.key]))];
  return {
    groupBy: group.key,
    columns: [
      ...axes.map(({ key, title }) => ({ key, title })),
      ...metrics.map((key) => measured(key, metricTitle(key))),
      ...(hasCold ? [measured('cold', `${metricTitle(recallOf(measure))} cold`)] : []),
      ...(hasValid ? [{ ...measured('valid', `valid ${metricTitle(metric)}`), best: undefined }] : []),
      { key: 'epoch', title: 'epoch', kind: 'number', decimals: 0 },
      { key: 'trainable', title: 'weights', kind: 'number', decimals: 0 },
      { key: 'seconds', title: 's', kind: 'number', decimals: 0 },
    ],
    rows: groups.flatMap((value) => [
      ...baselines
        .filter(({ place }) => place[group.key] === value)
        .map((baseline) => ({
          [group.key]: cellOf(group, baseline.place),
          [nameKey]: baselineTitle[baseline.name],
          ...Object.fromEntries(metrics.map((name) => [name, baseline.test[name] ?? null])),
          ...(hasCold && { cold: coldRecall(baseline.rows, measure) ?? null }),
        })),
      ...rows
        .filter(({ place }) => place[group.key] === value)
        .map((row) => ({
          ...Object.fromEntries(axes.map((axis) => [axis.key, cellOf(axis, row.place)])),
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
