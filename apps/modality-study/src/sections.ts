import { metricTitle, summarise } from '@ferry/evaluation';
import type { Block, Cell, Section, Table } from '@ferry/report';
import {
  cellOf,
  coldBelow,
  placesOn,
  recallOf,
  samePlace,
  spreadOn,
  type Axis,
  type Place,
  type RowChoice,
  type StudyFindings,
  type StudyResult,
} from '@ferry/studies';
import { paperBlocks } from './paper.ts';

/** The tower that the others are compared with. */
export const idValue = 'ID';

/** Runs of one place. */
interface Line {
  readonly place: Place;
  readonly results: readonly StudyResult[];
}

/** The runs of each place on some axes, in their order. */
function linesOn(axes: readonly Axis[], results: readonly StudyResult[]): Line[] {
  return placesOn(axes, results).map((place) => ({
    place,
    results: results.filter((result) => samePlace(result.place, place, axes)),
  }));
}

/** A share as papers print it. */
const percent = (value: number): string => (100 * value).toFixed(2);

/** A relative change, with its sign. */
function change(value: number, base: number): string {
  if (base === 0) return value === 0 ? '0.0 %' : 'from 0';
  const relative = (100 * (value - base)) / base;
  return `${relative < 0 ? '−' : '+'}${Math.abs(relative).toFixed(1)} %`;
}

/** What stands in the columns of the axes. */
function cellsOf(axes: readonly Axis[], place: Place): Record<string, Cell> {
  return Object.fromEntries(axes.map((axis) => [axis.key, cellOf(axis, place)]));
}

const columnsOf = (axes: readonly Axis[]) => axes.map(({ key, title }) => ({ key, title }));

/**
 * The paper's table 2: a row for each domain, backbone and loss, HR and NDCG of each tower in percent, and how far the
 * best tower that knows items by more than their IDs is from IDs.
 */
export function towerTable(
  axes: readonly Axis[],
  results: readonly StudyResult[],
  { measure }: Pick<StudyFindings, 'measure'>,
  which: RowChoice = 'all',
): Table {
  const tower = axes.find(({ key }) => key === 'tower')!;
  const others = axes.filter((axis) => axis !== tower);
  const recall = recallOf(measure);
  const ndcg = recall.replace('recall', 'ndcg');
  const rows = linesOn(others, results).flatMap(({ place, results: own }) => {
    const found = tower.values.flatMap(({ value, title }) => {
      const runs = own.filter((result) => result.place['tower'] === value);
      const hits = spreadOn(runs, recall, measure.ties, which);
      const gain = spreadOn(runs, ndcg, measure.ties, which);
      return hits && gain ? [{ value, title, hits: hits.mean, gain: gain.mean }] : [];
    });
    if (found.length === 0) return [];
    const base = found.find(({ value }) => value === idValue);
    const best = found
      .filter((one) => one !== base)
      .reduce<(typeof found)[number] | undefined>((a, b) => (a && a.hits >= b.hits ? a : b), undefined);
    return [
      {
        ...cellsOf(others, place),
        ...Object.fromEntries(
          found.map(({ value, hits, gain }) => [
            `tower ${String(value)}`,
            `${percent(hits)} / ${percent(gain)}`,
          ]),
        ),
        best: base && best ? `${best.title} ${change(best.hits, base.hits)}` : '',
      },
    ];
  });
  return {
    groupBy: others[0]!.key,
    columns: [
      ...columnsOf(others),
      ...tower.values.map(({ value, title }) => ({ key: `tower ${String(value)}`, title })),
      { key: 'best', title: `best besides ${idValue}` },
    ],
    rows,
  };
}

/** What each tower costs and gives: weights and seconds beside quality, mean over losses and seeds. */
export function costTable(
  axes: readonly Axis[],
  results: readonly StudyResult[],
  { measure }: Pick<StudyFindings, 'measure'>,
): Table {
  const shown = axes.filter(({ key }) => ['target', 'model', 'tower'].includes(key));
  const recall = recallOf(measure);
  const mean = (own: readonly StudyResult[], value: (result: StudyResult) => number): Cell => {
    const { mean: found, deviation, count } = summarise(own.map(value));
    return { mean: found, deviation, count };
  };
  return {
    groupBy: shown[0]!.key,
    columns: [
      ...columnsOf(shown),
      { key: 'weights', title: 'weights', kind: 'number', decimals: 0 },
      { key: 'epoch', title: 's an epoch', kind: 'number', decimals: 2 },
      { key: 'epochs', title: 'epochs', kind: 'number', decimals: 0 },
      { key: 'seconds', title: 's in all', kind: 'number', decimals: 0 },
      { key: 'hits', title: metricTitle(recall), kind: 'number', decimals: 4, best: 'max' },
      { key: 'warm', title: 'warm', kind: 'number', decimals: 4, best: 'max' },
      { key: 'cold', title: 'cold', kind: 'number', decimals: 4, best: 'max' },
    ],
    rows: linesOn(shown, results).map(({ place, results: own }) => ({
      ...cellsOf(shown, place),
      weights: own[0]!.summary.parameters['trainable'] ?? own[0]!.summary.parameters['total'] ?? 0,
      epoch: mean(own, ({ summary }) => summary.timings.epochSeconds),
      epochs: mean(own, ({ summary }) => summary.epochs),
      seconds: mean(own, ({ summary }) => summary.timings.totalSeconds),
      hits: spreadOn(own, recall, measure.ties) ?? null,
      warm: spreadOn(own, recall, measure.ties, 'warm') ?? null,
      cold: spreadOn(own, recall, measure.ties, 'cold') ?? null,
    })),
  };
}

const rowsText: Record<RowChoice, string> = {
  all: 'All test rows',
  warm: `Test rows whose item has ${coldBelow} training interactions or more`,
  cold: `Test rows whose item has fewer than ${coldBelow} training interactions`,
};

/** The sections of the report that answer the paper's questions in the form of its tables. */
export function modalitySections(
  axes: readonly Axis[],
  results: readonly StudyResult[],
  findings: StudyFindings,
): Section[] {
  if (results.length === 0) return [];
  const { command, measure } = findings;
  const recall = metricTitle(recallOf(measure)).replace('Recall', 'HR');
  const table = (which: RowChoice): Block => ({
    kind: 'table',
    table: towerTable(axes, results, findings, which),
    caption:
      `${rowsText[which]}: ${recall} / ${recall.replace('HR', 'NDCG')} in percent, mean over seeds, and the ` +
      `relative change of ${recall} from ${idValue} to the best other tower.`,
    command,
  });
  return [
    { title: 'IDRec against MoRec', blocks: [table('all'), ...paperBlocks()] },
    { title: 'Warm and cold items', blocks: [table('warm'), table('cold')] },
    {
      title: 'Which tower is worth its cost',
      blocks: [
        {
          kind: 'table',
          table: costTable(axes, results, findings),
          caption:
            'Weights that are trained, seconds of training, and quality of each tower, mean over losses and ' +
            'seeds. Features are frozen: encoding them, which is done once, is not in it.',
          command,
        },
      ],
    },
  ];
}
