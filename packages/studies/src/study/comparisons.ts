import { RandomStream } from '@ferry/engine';
import {
  comparePaired,
  holm,
  mean,
  meanOverRuns,
  summarise,
  type PairedComparison,
  type Summary as Spread,
} from '@ferry/evaluation';
import { placesOn, samePlace, type Axis, type Place } from './axes.ts';
import type { PlannedComparison } from './plan.ts';
import { valuesOn, type Measure, type RowChoice, type StudyResult } from './results.ts';

/** Differences with a p-value below this after correction are put into words. */
export const level = 0.05;

/** Two lines of the table compared test row by test row. */
export interface Comparison {
  /** The line in question. */
  readonly place: Place;
  /** The one it is compared with. */
  readonly base: Place;
  /** Leading metric of each test row in the line, mean over the seeds that both have. */
  readonly values: Float64Array;
  /** The same in the base. */
  readonly baseValues: Float64Array;
  /** Mean difference of each of those seeds. */
  readonly bySeed: readonly number[];
}

/** A {@link Comparison} with its tests. */
export interface TestedComparison extends Comparison, PairedComparison {
  /** p-value after Holm's correction within the family. */
  readonly corrected: number;
  /** Mean difference over seeds. */
  readonly seeds: Spread;
}

/** Both lines, rows paired, over the seeds that both have; undefined if there is none. */
function compare(
  axes: readonly Axis[],
  results: readonly StudyResult[],
  { place, base }: { place: Place; base: Place },
  measure: Measure,
  which: RowChoice,
): Comparison | undefined {
  const pairs = results
    .filter((result) => samePlace(result.place, place, axes))
    .flatMap((own) => {
      const other = results.find((result) => samePlace(result.place, base, axes) && result.seed === own.seed);
      return other ? [[own, other] as const] : [];
    });
  if (pairs.length === 0) return undefined;
  const valuesOf = ({ rows }: StudyResult): Float64Array =>
    valuesOn(rows, measure.metric, measure.ties, which);
  const values = pairs.map(([own]) => valuesOf(own));
  const baseValues = pairs.map(([, other]) => valuesOf(other));
  if (values[0]!.length === 0) return undefined;
  return {
    place,
    base,
    values: meanOverRuns(values),
    baseValues: meanOverRuns(baseValues),
    bySeed: values.map((own, i) => mean(own) - mean(baseValues[i]!)),
  };
}

/** Each line that is compared along an axis, with the line it is compared with. */
export function comparisonsOf(
  axes: readonly Axis[],
  results: readonly StudyResult[],
  { along, against }: PlannedComparison,
  measure: Measure,
  which: RowChoice = 'all',
): Comparison[] {
  return placesOn(axes, results)
    .filter((place) => place[along] !== against)
    .flatMap(
      (place) =>
        compare(axes, results, { place, base: { ...place, [along]: against } }, measure, which) ?? [],
    );
}

/** Tests a family of comparisons: each paired test, then Holm's correction over all of them. */
export function testFamily(family: readonly Comparison[]): TestedComparison[] {
  const tested = family.map((one) => ({
    ...one,
    ...comparePaired(one.values, one.baseValues, {
      random: RandomStream.fromSeed(1).split(JSON.stringify([one.place, one.base])),
    }),
    seeds: summarise(one.bySeed),
  }));
  const corrected = holm(tested.map(({ permutation }) => permutation));
  return tested.map((one, i) => ({ ...one, corrected: corrected[i]! }));
}
