import { metricTitle, summarise } from '@ferry/evaluation';
import { barChart } from '@ferry/report';
import { popularityOf } from '../rowMetrics.ts';
import { counted } from '../words.ts';
import {
  choicesOf,
  lineName,
  placesOn,
  samePlace,
  settingName,
  settingsOf,
  type Axis,
  type Place,
} from './axes.ts';
import { recallOf, type Measure, type StudyResult, type StudyRow } from './results.ts';

/** A test metric of every setting, the lines of the table side by side. */
export function testChart(axes: readonly Axis[], rows: readonly StudyRow[], metric: string): string {
  const groups = placesOn(settingsOf(axes), rows);
  const lines = placesOn(choicesOf(axes), rows);
  const title = metricTitle(metric);
  return barChart({
    title: `Test ${title}`,
    description: `Test ${title} of every line of the results; whiskers are one deviation over seeds.`,
    groups: groups.map((group) => settingName(axes, group)),
    y: { title },
    series: lines.map((line) => ({
      name: lineName(axes, line),
      values: groups.map(
        (group) =>
          rows.find(({ place }) => samePlace(place, { ...group, ...line }, axes))?.test[metric] ?? null,
      ),
    })),
  });
}

/** Test recall of a setting by how often the wanted item occurs in training. */
export function popularityChart(
  axes: readonly Axis[],
  group: Place,
  results: readonly StudyResult[],
  measure: Measure,
): string {
  const own = results.filter(({ place }) => samePlace(place, group, settingsOf(axes)));
  const recall = recallOf(measure);
  const byRun = new Map(
    own.map((result) => [result, popularityOf(result.rows, measure.cutoffs, measure.ties)]),
  );
  const labels = [...byRun.values()][0]?.filter(({ metrics }) => metrics) ?? [];
  const setting = settingName(axes, group);
  return barChart({
    title: `${setting}: ${metricTitle(recall)} by popularity`,
    description: `Test ${metricTitle(recall)} of ${setting} by the training interactions of the wanted item.`,
    groups: labels.map(
      ({ label, rows, interactions }) =>
        `${label} (${interactions === undefined ? counted(rows, 'row') : counted(interactions, 'interaction')})`,
    ),
    x: { title: 'training interactions of the wanted item' },
    y: { title: metricTitle(recall) },
    decimals: 2,
    series: placesOn(axes, own).map((place) => ({
      name: lineName(axes, place),
      values: labels.map(({ label }) => {
        const values = own
          .filter((result) => samePlace(result.place, place, axes))
          .flatMap((result) => byRun.get(result)!.find((g) => g.label === label)?.metrics?.[recall] ?? []);
        return values.length > 0 ? summarise(values) : null;
      }),
    })),
  });
}
