import type { Domain, Rows } from '@ferry/data';
import {
  baselineScores,
  evaluateRanking,
  itemCosine,
  markov,
  popularity,
  type Baseline,
} from '@ferry/evaluation';
import type { StudyRecipe } from '@ferry/recipes';

/** A recommender without training that a study compares with. */
export type BaselineName = StudyRecipe['baselines'][number];

/** How a baseline did on a target. */
export interface BaselineResult {
  /** Name of the target domain. */
  readonly target: string;
  /** Which baseline. */
  readonly name: BaselineName;
  /** Test metrics over all rows. */
  readonly test: Readonly<Record<string, number>>;
  /** Rank of each test row's target. */
  readonly ranks: readonly number[];
  /** Training interactions of each test row's target. */
  readonly targetCounts: readonly number[];
}

const make: Record<BaselineName, (rows: Rows, count: number) => Baseline> = {
  popularity,
  markov,
  'item-cf': itemCosine,
};

/** Ranks a target's test rows by simple baselines that count its training interactions, as the study ranks its models. */
export async function runBaselines(
  names: readonly BaselineName[],
  { name: target, items, valid, test, trainCounts }: Domain,
  { history, cutoffs, batchSize }: StudyRecipe['evaluation'],
): Promise<BaselineResult[]> {
  const count = items.ids.length;
  const results: BaselineResult[] = [];
  for (const name of names) {
    // The histories of the validation rows are all training interactions, each once.
    const scores = baselineScores(make[name](valid, count), count);
    const { ranks, metrics } = await evaluateRanking({
      rows: test,
      count,
      batchSize,
      history,
      k: cutoffs,
      scores,
    });
    results.push({
      target,
      name,
      test: metrics,
      ranks: [...ranks],
      targetCounts: Array.from(test.targets, (item) => trainCounts[item]!),
    });
  }
  return results;
}
