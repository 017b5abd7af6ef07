import { summarise } from '@ferry/evaluation';
import { lineChart, type LineSeries, type Point } from '@ferry/report';
import { readMetrics, type EpochRecord } from '@ferry/training';
import type { Pretraining } from './plan.ts';
import type { CellResult } from './results.ts';
import { lineName } from './table.ts';

/** The epochs of a run, in order. */
export function epochsOf(run: string): EpochRecord[] {
  return readMetrics(run).filter((record): record is EpochRecord => record.kind === 'epoch');
}

/** Mean and deviation over runs of something each epoch has; epochs that only some runs reached are left out of the deviation only if alone. */
export function meanCurve(
  runs: readonly string[],
  value: (epoch: EpochRecord) => number | undefined,
): Point[] {
  const byEpoch = new Map<number, number[]>();
  for (const run of runs)
    for (const record of epochsOf(run)) {
      const found = value(record);
      if (found === undefined) continue;
      byEpoch.set(record.epoch, [...(byEpoch.get(record.epoch) ?? []), found]);
    }
  return [...byEpoch]
    .sort(([a], [b]) => a - b)
    .map(([epoch, values]) => {
      const { mean, deviation, count } = summarise(values);
      return count > 1 ? ([epoch, mean, deviation] as const) : ([epoch, mean] as const);
    });
}

/** Learning curves of a target: validation NDCG@10 by epoch, one line for each start and choice of IDs. */
export function validationChart(target: string, results: readonly CellResult[]): string {
  const own = results.filter((result) => result.target === target);
  const nameOf = (result: CellResult): string =>
    `${lineName(result, results)}, ${result.ids ? 'IDs' : 'no IDs'}`;
  const lines: LineSeries[] = [];
  for (const ids of [true, false])
    for (const name of new Set(own.filter((result) => result.ids === ids).map(nameOf))) {
      const runs = own.filter((result) => nameOf(result) === name).map(({ directory }) => directory);
      const points = meanCurve(runs, (epoch) => epoch.valid?.['ndcg@10']);
      if (points.length > 0) lines.push({ name, points });
    }
  return lineChart({
    title: `${target}: validation NDCG@10`,
    description: `Validation NDCG@10 of ${target} after each epoch of fine-tuning, for each start and model, with and without IDs.`,
    x: { title: 'epoch' },
    y: { title: 'NDCG@10' },
    series: lines,
  });
}

/** Loss of pre-training by epoch, mean over seeds, a line for each model. */
export function pretrainChart(pretrainings: readonly Pretraining[]): string {
  const variants = [...new Set(pretrainings.map(({ variant }) => variant))];
  return lineChart({
    title: 'Pre-training loss',
    description: 'Mean loss of pre-training after each epoch, over seeds.',
    x: { title: 'epoch' },
    y: { title: 'loss' },
    series: variants.map((variant) => {
      const runs = pretrainings.filter((own) => own.variant === variant).map(({ recipe }) => recipe.out);
      const name = variant ?? (runs.length > 1 ? `mean of ${runs.length} seeds` : 'loss');
      return { name, points: meanCurve(runs, ({ loss }) => loss) };
    }),
  });
}
