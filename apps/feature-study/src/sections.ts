import { beyondAccuracy, metricTitle, summarise } from '@ferry/evaluation';
import type { Cell, Section, Table } from '@ferry/report';
import {
  cellOf,
  coldBelow,
  listsOf,
  placesOn,
  recallOf,
  samePlace,
  spreadOn,
  type FeaturesRead,
  type Axis,
  type StudyFindings,
  type StudyResult,
} from '@ferry/studies';

/** A column of a table and what stands in it of the runs of a place. */
interface Measured {
  readonly key: string;
  readonly title: string;
  readonly decimals: number;
  readonly best?: 'max';
  readonly of: (results: readonly StudyResult[]) => Cell;
}

/** A row for each place: its axes, and what is measured there, mean over seeds. */
function measuredTable(
  axes: readonly Axis[],
  results: readonly StudyResult[],
  measured: readonly Measured[],
): Table {
  return {
    groupBy: axes[0]!.key,
    columns: [
      ...axes.map(({ key, title }) => ({ key, title })),
      ...measured.map(({ key, title, decimals, best }) => ({
        key,
        title,
        decimals,
        best,
        kind: 'number' as const,
      })),
    ],
    rows: placesOn(axes, results).map((place) => {
      const own = results.filter((result) => samePlace(result.place, place, axes));
      return {
        ...Object.fromEntries(axes.map((axis) => [axis.key, cellOf(axis, place)])),
        ...Object.fromEntries(measured.map(({ key, of }) => [key, of(own)])),
      };
    }),
  };
}

const mean = (own: readonly StudyResult[], value: (result: StudyResult) => number | undefined): Cell => {
  const values = own.flatMap((result) => value(result) ?? []);
  return values.length > 0 ? summarise(values) : null;
};

/** Metrics beyond accuracy of the lists at a cutoff, by name. */
function beyond({ rows }: StudyResult, k: number): Readonly<Record<string, number>> {
  const lists = listsOf(rows);
  return lists && rows.training && k <= (lists.depth ?? Infinity)
    ? beyondAccuracy(lists, rows.training, [k])
    : {};
}

/** What lists are like besides being right: a row for each model and set of features. */
export function beyondTable(
  axes: readonly Axis[],
  results: readonly StudyResult[],
  { measure: { cutoffs } }: Pick<StudyFindings, 'measure'>,
): Table {
  const k = Math.max(...cutoffs);
  const names = ['coverage', 'gini', 'entropy', 'efd', 'epc', 'arp', 'aplt'];
  const found = new Map(results.map((result) => [result, beyond(result, k)]));
  return measuredTable(
    axes,
    results,
    names.map((name) => ({
      key: name,
      title: metricTitle(`${name}@${k}`),
      decimals: 4,
      of: (own) => mean(own, (result) => found.get(result)![`${name}@${k}`]),
    })),
  );
}

/** A sum over the modalities of what a run read. */
const ofFeatures = (
  features: FeaturesRead,
  value: (own: NonNullable<FeaturesRead['text']>) => number,
): number => Object.values(features).reduce((sum, own) => sum + value(own), 0);

/** What features are worth on warm and cold items, and what they cost. */
export function costTable(
  axes: readonly Axis[],
  results: readonly StudyResult[],
  { measure }: Pick<StudyFindings, 'measure'>,
): Table {
  const recall = recallOf(measure);
  const on = (which: 'all' | 'warm' | 'cold', title: string): Measured => ({
    ...{ key: which, title, decimals: 4, best: 'max' },
    of: (own) => spreadOn(own, recall, measure.ties, which) ?? null,
  });
  const number = (key: string, title: string, of: (result: StudyResult) => number): Measured => ({
    ...{ key, title, decimals: key === 'weights' || key === 'width' ? 0 : 2 },
    of: (own) => mean(own, of),
  });
  return measuredTable(axes, results, [
    on('all', metricTitle(recall)),
    on('warm', 'warm items'),
    on('cold', 'cold items'),
    number(
      'weights',
      'weights',
      ({ summary: { parameters } }) => parameters['trainable'] ?? parameters['total'] ?? 0,
    ),
    number('width', 'width', ({ details: { features = {} } }) => ofFeatures(features, ({ width }) => width)),
    number('extraction', 's extracting', ({ details: { features = {} } }) =>
      ofFeatures(features, ({ extraction }) => extraction?.seconds ?? 0),
    ),
    number('epoch', 's an epoch', ({ summary }) => summary.timings.epochSeconds),
    number('seconds', 's in all', ({ summary }) => summary.timings.totalSeconds),
  ]);
}

/** The sections of the report that only this study has. */
export function featureSections(
  axes: readonly Axis[],
  results: readonly StudyResult[],
  findings: StudyFindings,
): Section[] {
  if (results.length === 0) return [];
  const { command } = findings;
  return [
    {
      title: 'What features are worth, and what they cost',
      blocks: [
        {
          kind: 'table',
          table: costTable(axes, results, findings),
          caption:
            `Recall on all test items, on warm ones and on cold ones (fewer than ${coldBelow} training ` +
            'interactions), weights that are trained, width of the features and seconds of extracting them, which ' +
            'was done once (0 where their vectors were there already), and seconds of training, mean over seeds.',
          command,
        },
      ],
    },
    {
      title: 'Beyond accuracy',
      blocks: [
        {
          kind: 'table',
          table: beyondTable(axes, results, findings),
          caption: 'What the lists are like, by Elliot’s formulas, mean over seeds.',
          command,
        },
      ],
    },
  ];
}
