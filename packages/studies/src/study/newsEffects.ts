import { RandomStream } from '@ferry/engine';
import { comparePaired, holm, meanOverRuns, metricTitle, type PairedComparison } from '@ferry/evaluation';
import type { Column, Table } from '@ferry/report';
import { lineName, placesOn, samePlace, settingsOf, cellOf, type Axis, type Place } from './axes.ts';
import { level } from './comparisons.ts';
import { signed } from './effects.ts';
import type { MetricValues } from './newsTargets.ts';
import type { StudyResult } from './results.ts';

/** Whether values are those that a defective evaluator reported, or the corrected ones. */
export type Measured = 'reported' | 'corrected';

/** What each impression of a run got. */
export function impressionMetrics({ rows }: StudyResult, measured: Measured): MetricValues {
  const { values, corrected } = rows.impressions!;
  return measured === 'corrected' ? (corrected ?? values) : values;
}

/** A paired comparison as one of a family. */
export interface CorrectedComparison extends PairedComparison {
  /** The permutation test's p-value after Holm's correction within the family. */
  readonly corrected: number;
}

/** Two lines compared, metric by metric. */
export interface NewsEffect {
  /** The line in question. */
  readonly place: Place;
  /** What it is compared with, in words. */
  readonly base: string;
  /** By metric. */
  readonly metrics: Readonly<Record<string, CorrectedComparison>>;
}

/** A line and what it is compared with: the values of both by run, seeds paired. */
export interface NewsPair {
  /** The line in question. */
  readonly place: Place;
  /** What it is compared with, in words. */
  readonly base: string;
  /** Of each seed. */
  readonly values: readonly MetricValues[];
  /** The same of what it is compared with. */
  readonly baseValues: readonly MetricValues[];
}

/**
 * Compares pairs impression by impression, each averaged over seeds, by the paired permutation test; corrected by Holm
 * over all pairs and metrics together. Impressions that do not count in one of two are left out.
 */
export function newsEffects(pairs: readonly NewsPair[], metrics: readonly string[]): NewsEffect[] {
  const tested = pairs.map(({ place, base, values, baseValues }) => ({
    place,
    base,
    metrics: metrics.map((metric) => {
      const [own, other] = [values, baseValues].map((runs) =>
        meanOverRuns(runs.map((run) => run[metric]!)),
      ) as [Float64Array, Float64Array];
      const both = (at: number): boolean => !Number.isNaN(own[at]) && !Number.isNaN(other[at]);
      const only = (all: Float64Array): Float64Array => all.filter((_, at) => both(at));
      return comparePaired(only(own), only(other), {
        random: RandomStream.fromSeed(1).split(JSON.stringify([place, base, metric])),
      });
    }),
  }));
  const corrected = holm(tested.flatMap((pair) => pair.metrics.map(({ permutation }) => permutation)));
  return tested.map(({ place, base, metrics: found }, at) => ({
    place,
    base,
    metrics: Object.fromEntries(
      metrics.map((metric, m) => [metric, { ...found[m]!, corrected: corrected[at * metrics.length + m]! }]),
    ),
  }));
}

/**
 * Every line that differs from another in one axis alone, with that one, over the seeds that both have; none without
 * the axis.
 */
export function pairsAlong(
  axes: readonly Axis[],
  results: readonly StudyResult[],
  { along, against }: { along: string; against: Place[string] },
  { measured, base = measured }: { measured: Measured; base?: Measured },
): NewsPair[] {
  if (!axes.some(({ key }) => key === along)) return [];
  return placesOn(axes, results)
    .filter((place) => place[along] !== against)
    .flatMap((place): NewsPair[] => {
      const other = { ...place, [along]: against };
      const seeds = results
        .filter((result) => samePlace(result.place, place, axes))
        .flatMap((own) => {
          const same = results.find(
            (result) => samePlace(result.place, other, axes) && result.seed === own.seed,
          );
          return same ? [[own, same] as const] : [];
        });
      if (seeds.length === 0) return [];
      return [
        {
          place,
          base: lineName(axes, other),
          values: seeds.map(([own]) => impressionMetrics(own, measured)),
          baseValues: seeds.map(([, same]) => impressionMetrics(same, base)),
        },
      ];
    });
}

/** A difference with its interval, marked where it is beyond chance after correction. */
export function effectCell({ difference, low, high, corrected }: NewsEffect['metrics'][string]): string {
  return `${signed(difference)} (${signed(low)} to ${signed(high)})${corrected < level ? ' *' : ''}`;
}

/** Effects as a table: a row for each line, the difference of each metric with its 95 % interval. */
export function newsEffectTable(
  axes: readonly Axis[],
  effects: readonly NewsEffect[],
  metrics: readonly string[],
): Table {
  const columns: Column[] = [
    ...settingsOf(axes).map(({ key, title }) => ({ key, title })),
    { key: 'line', title: 'compared' },
    ...metrics.map((metric) => ({ key: metric, title: metricTitle(metric) })),
    { key: 'rows', title: 'impressions', kind: 'number', decimals: 0 },
  ];
  return {
    columns,
    rows: effects.map(({ place, base, metrics: found }) => ({
      ...Object.fromEntries(settingsOf(axes).map((axis) => [axis.key, cellOf(axis, place)])),
      line: `${lineName(axes, place)} − ${base}`,
      ...Object.fromEntries(metrics.map((metric) => [metric, effectCell(found[metric]!)])),
      rows: Object.values(found)[0]!.rows,
    })),
  };
}
