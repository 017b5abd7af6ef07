import type { Table } from '@ferry/report';
import type { Axis } from './axes.ts';
import type { StudyResult } from './results.ts';

/**
 * Every run of a study in long form: a row for each run, split and metric, with the run's place on each axis and its
 * seed.
 */
export function runsTable(axes: readonly Axis[], results: readonly StudyResult[]): Table {
  const keys = [...axes.map(({ key }) => key), 'seed', 'run', 'split', 'metric', 'value'];
  return {
    columns: keys.map((key) => ({ key, title: key })),
    rows: results.flatMap(({ place, seed, name: run, summary }) => {
      const own = Object.fromEntries(axes.map(({ key }) => [key, String(place[key] ?? '')]));
      const splits = { valid: summary.best.valid, test: summary.test ?? {} };
      return Object.entries(splits).flatMap(([split, metrics]) =>
        Object.entries(metrics).map(([metric, value]) => ({ ...own, seed, run, split, metric, value })),
      );
    }),
  };
}
