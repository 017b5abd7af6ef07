import {
  isMany,
  pickRelevant,
  rowCount,
  rowValues,
  summarise,
  summariseRuns,
  type Summary as Spread,
  type TieRule,
} from '@ferry/evaluation';
import type { Summary } from '@ferry/training';
import type { RunDetails } from '../details.ts';
import type { RankedRows } from '../rows.ts';
import { placesOn, samePlace, type Axis, type Place } from './axes.ts';

/** Items with fewer training interactions than this are cold. */
export const coldBelow = 5;

/** What a study measures by. */
export interface Measure {
  /** The metric that picked the best epochs and leads tables and charts. */
  readonly metric: string;
  /** Cutoffs. */
  readonly cutoffs: readonly number[];
  /** What a tie means. */
  readonly ties: TieRule;
}

/** Recall at the cutoff of the leading metric, or at the first one. */
export function recallOf({ metric, cutoffs }: Measure): string {
  const mark = metric.startsWith('sampled-') ? 'sampled-' : '';
  return `${mark}recall@${/@(\d+)$/.exec(metric)?.[1] ?? cutoffs[0]!}`;
}

/** A finished run of a study. */
export interface StudyResult {
  /** Its directory within the study. */
  readonly name: string;
  /** Where it stands. */
  readonly place: Place;
  /** Seed. */
  readonly seed: number;
  /** Run directory. */
  readonly directory: string;
  /** The run's summary. */
  readonly summary: Summary;
  /** The run's details. */
  readonly details: RunDetails;
  /** What it ranked. */
  readonly rows: RankedRows;
}

/** A line of a study's table: all seeds of one place. */
export interface StudyRow {
  /** Where it stands. */
  readonly place: Place;
  /** The seeds. */
  readonly seeds: readonly number[];
  /** Test metrics over all rows, mean and deviation over seeds. */
  readonly test: Readonly<Record<string, Spread>>;
  /** {@link recallOf} on test rows whose item is cold; absent if there is none. */
  readonly cold?: Spread;
  /** Test rows, which metrics are means over: each an interaction, or a user with all of theirs. */
  readonly testRows: number;
  /** Relevant items of these rows. */
  readonly testInteractions: number;
  /** Test rows that have a cold item. */
  readonly coldRows: number;
  /** Relevant items that are cold. */
  readonly coldInteractions: number;
  /** Leading metric of the best epoch on the validation rows. */
  readonly valid?: Spread;
  /** Best epoch. */
  readonly bestEpoch: Spread;
  /** Weights that were trained. */
  readonly trainable: number;
  /** Seconds of training and evaluation. */
  readonly seconds: Spread;
}

/** 1 for each test row whose item is cold; where rows have several items, for each of these. */
export function coldMask({ targetCounts }: RankedRows): Uint8Array {
  return Uint8Array.from(targetCounts, (count) => (count < coldBelow ? 1 : 0));
}

/** Which test rows are looked at: all, or those whose item is warm, or cold. */
export type RowChoice = 'all' | 'warm' | 'cold';

/**
 * A metric of each of some rows, in their order. Where rows have several relevant items, warm and cold rows are those
 * that have such items, and these alone are relevant.
 */
export function valuesOn(
  rows: RankedRows,
  metric: string,
  ties: TieRule,
  which: RowChoice = 'all',
): Float64Array {
  const isCold = coldMask(rows);
  const wanted = which === 'cold' ? 1 : 0;
  if (isMany(rows)) {
    const some = which === 'all' ? rows : pickRelevant(rows, (item) => isCold[item] === wanted);
    return rowValues(some, metric, ties).filter((value) => !Number.isNaN(value));
  }
  const values = rowValues(rows, metric, ties);
  return which === 'all' ? values : values.filter((_, row) => isCold[row] === wanted);
}

/** Mean and deviation over runs of a metric on some rows; undefined where there are no such rows. */
export function spreadOn(
  results: readonly Pick<StudyResult, 'rows'>[],
  metric: string,
  ties: TieRule,
  which: RowChoice = 'all',
): Spread | undefined {
  const means = results.flatMap(({ rows }) => {
    const values = valuesOn(rows, metric, ties, which);
    return values.length > 0 ? [values.reduce((sum, value) => sum + value, 0) / values.length] : [];
  });
  return means.length > 0 ? summarise(means) : undefined;
}

/** {@link recallOf} over the rows whose item is cold; undefined if there is none. */
export function coldRecall(rows: RankedRows, measure: Measure): number | undefined {
  return spreadOn([{ rows }], recallOf(measure), measure.ties, 'cold')?.mean;
}

function rowOf(place: Place, results: readonly StudyResult[], measure: Measure): StudyRow {
  const [{ summary, rows }] = results as [StudyResult];
  const valid = results.flatMap((result) => result.summary.best.valid[measure.metric] ?? []);
  return {
    place,
    seeds: results.map(({ seed }) => seed),
    test: summariseRuns(results.map((result) => result.summary.test ?? {})),
    cold: spreadOn(results, recallOf(measure), measure.ties, 'cold'),
    testRows: rowCount(rows),
    testInteractions: rows.targetCounts.length,
    coldRows: valuesOn(rows, recallOf(measure), measure.ties, 'cold').length,
    coldInteractions: coldMask(rows).reduce((sum, one) => sum + one, 0),
    valid: valid.length > 0 ? summarise(valid) : undefined,
    bestEpoch: summarise(results.map((result) => result.summary.best.epoch)),
    trainable: summary.parameters['trainable'] ?? summary.parameters['total'] ?? 0,
    seconds: summarise(results.map((result) => result.summary.timings.totalSeconds)),
  };
}

/** The lines of a study's table, in the order of its axes. */
export function studyRows(
  axes: readonly Axis[],
  results: readonly StudyResult[],
  measure: Measure,
): StudyRow[] {
  return placesOn(axes, results).map((place) =>
    rowOf(
      place,
      results.filter((result) => samePlace(result.place, place, axes)),
      measure,
    ),
  );
}
