import type { Domain, Sequences } from '@ferry/data';
import {
  baselineScores,
  evaluateRanking,
  itemCosine,
  markov,
  popularity,
  type Baseline,
} from '@ferry/evaluation';
import type { StudyRecipe } from '@ferry/recipes';
import { rankedRows, type RankedRows } from '../rows.ts';
import type { Place } from './axes.ts';

/** A recommender without training that a study compares with. */
export type BaselineName = StudyRecipe['baselines'][number];

/** How a baseline did on a target. */
export interface BaselineResult {
  /** The part of a place that names the target. */
  readonly place: Place;
  /** Which baseline. */
  readonly name: BaselineName;
  /** Test metrics over all rows. */
  readonly test: Readonly<Record<string, number>>;
  /** What it ranked. */
  readonly rows: RankedRows;
}

const make: Record<BaselineName, (training: Sequences, count: number) => Baseline> = {
  popularity,
  markov,
  'item-cf': itemCosine,
};

/** Ranks a target's test rows by simple baselines that count its training interactions, as the study ranks its models. */
export async function runBaselines(
  names: readonly BaselineName[],
  place: Place,
  domain: Domain,
  { history, cutoffs, ties, batchSize }: StudyRecipe['evaluation'],
): Promise<BaselineResult[]> {
  const count = domain.items.ids.length;
  const results: BaselineResult[] = [];
  for (const name of names) {
    const scores = baselineScores(make[name](domain.training, count), count);
    const places = await evaluateRanking({
      rows: domain.test,
      count,
      batchSize,
      history,
      ties,
      k: cutoffs,
      lengths: 'longest',
      scores,
    });
    results.push({
      place,
      name,
      test: places.metrics,
      rows: rankedRows({ domain, split: 'test', history, places }),
    });
  }
  return results;
}
