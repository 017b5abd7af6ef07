import { metricTitle, summarise } from '@ferry/evaluation';
import { lineChart, type LineSeries } from '@ferry/report';
import { readMetrics, type EpochRecord } from '@ferry/training';
import { lineName, placesOn, samePlace, settingName, settingsOf, type Axis, type Place } from './axes.ts';
import type { Preparation } from './plan.ts';
import type { StudyResult } from './results.ts';

/**
 * The epochs of a run, in order.
 *
 * @throws Error if there is none: a run that is charted has at least one.
 */
export function epochsOf(run: string): EpochRecord[] {
  const epochs = readMetrics(run).filter((record): record is EpochRecord => record.kind === 'epoch');
  if (epochs.length === 0)
    throw new Error(`${run}/metrics.jsonl must have a line of an epoch, got none: it was cut or replaced`);
  return epochs;
}

/**
 * Mean and deviation over runs of something each epoch has. From where a run has ended, the mean is over those that are
 * left, and `thinFrom` says so.
 */
export function meanCurve(
  runs: readonly string[],
  value: (epoch: EpochRecord) => number | undefined,
): Pick<LineSeries, 'points' | 'thinFrom'> {
  const byEpoch = new Map<number, number[]>();
  for (const run of runs)
    for (const record of epochsOf(run)) {
      const found = value(record);
      if (found === undefined) continue;
      byEpoch.set(record.epoch, [...(byEpoch.get(record.epoch) ?? []), found]);
    }
  const epochs = [...byEpoch].sort(([a], [b]) => a - b);
  const thinFrom = epochs.findLast(([, values]) => values.length === runs.length)?.[0];
  return {
    points: epochs.map(([epoch, values]) => {
      const { mean, deviation, count } = summarise(values);
      return count > 1 ? ([epoch, mean, deviation] as const) : ([epoch, mean] as const);
    }),
    ...(thinFrom !== undefined && thinFrom < (epochs.at(-1)?.[0] ?? 0) && { thinFrom }),
  };
}

/** What a caption says of {@link LineSeries.thinFrom}. */
export const thinNote = 'A line is dotted where one of its seeds has ended and the mean is over the others.';

/**
 * Learning curves: the leading metric on validation by epoch, one line for each line of the table.
 *
 * @param apart - The settings that have charts of their own, the target first.
 * @param group - The place on them that is drawn.
 */
export function validationChart(
  axes: readonly Axis[],
  apart: readonly Axis[],
  group: Place,
  results: readonly StudyResult[],
  metric: string,
): { svg: string; thin: boolean } {
  const rest = axes.filter(({ key }) => !apart.some((axis) => axis.key === key));
  const own = results.filter(({ place }) => samePlace(place, group, apart));
  const target = settingName(apart, group);
  const title = metricTitle(metric);
  const series = placesOn(axes, own).flatMap((place): LineSeries[] => {
    const runs = own
      .filter((result) => samePlace(result.place, place, axes))
      .map(({ directory }) => directory);
    const curve = meanCurve(runs, (epoch) => epoch.valid?.[metric]);
    const setting = settingsOf(rest).length > 0 ? `, ${settingName(rest, place)}` : '';
    return curve.points.length > 0 ? [{ name: lineName(axes, place) + setting, ...curve }] : [];
  });
  const svg = lineChart({
    title: `${target}: validation ${title}`,
    description: `Validation ${title} of ${target} after each epoch, mean over seeds, for each line of the results.`,
    x: { title: 'epoch' },
    y: { title },
    series,
  });
  return { svg, thin: series.some(({ thinFrom }) => thinFrom !== undefined) };
}

/** Loss of pre-training by epoch, mean over seeds, a line for each model. */
export function lossChart(preparations: readonly Preparation[]): { svg: string; thin: boolean } {
  const lines = [...new Set(preparations.map(({ line }) => line))];
  const series = lines.map((line) => {
    const runs = preparations.filter((own) => own.line === line).map(({ recipe }) => recipe.out);
    const name = line ?? (runs.length > 1 ? `mean of ${runs.length} seeds` : 'loss');
    return { name, ...meanCurve(runs, ({ loss }) => loss) };
  });
  const svg = lineChart({
    title: 'Pre-training loss',
    description: 'Mean loss of pre-training after each epoch, over seeds.',
    x: { title: 'epoch' },
    y: { title: 'loss' },
    series,
  });
  return { svg, thin: series.some(({ thinFrom }) => thinFrom !== undefined) };
}
