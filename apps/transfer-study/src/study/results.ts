import { gains, recallAt, summarise, summariseRuns, type Summary as Spread } from '@ferry/evaluation';
import type { Summary } from '@ferry/training';
import type { RunDetails } from '../details.ts';
import type { Start } from './plan.ts';

/** Items with fewer training interactions than this are cold. */
export const coldBelow = 5;

/** A finished fine-tuning run of a study. */
export interface CellResult {
  /** Name of the target domain. */
  readonly target: string;
  /** Where it started. */
  readonly start: Start;
  /** Whether items had IDs. */
  readonly ids: boolean;
  /** Seed. */
  readonly seed: number;
  /** Run directory. */
  readonly directory: string;
  /** The run's summary. */
  readonly summary: Summary;
  /** The run's details. */
  readonly details: RunDetails;
}

/** A line of a study's table: all seeds of one target, start and choice of IDs. */
export interface StudyRow {
  /** Name of the target domain. */
  readonly target: string;
  /** Where it started. */
  readonly start: Start;
  /** Whether items had IDs. */
  readonly ids: boolean;
  /** The seeds. */
  readonly seeds: readonly number[];
  /** Test metrics over all rows, mean and deviation over seeds. */
  readonly test: Readonly<Record<string, Spread>>;
  /** Recall@10 on test rows whose item is cold; absent if there is none. */
  readonly cold?: Spread | undefined;
  /** Test rows whose item is cold. */
  readonly coldRows: number;
  /** Validation NDCG@10 of the best epoch. */
  readonly valid?: Spread | undefined;
  /** Best epoch. */
  readonly bestEpoch: Spread;
  /** Weights that were trained. */
  readonly trainable: number;
  /** Seconds of training and evaluation. */
  readonly seconds: Spread;
}

/** Whether two results belong to the same line. */
const sameLine = (a: CellResult, b: CellResult): boolean =>
  a.target === b.target && a.start === b.start && a.ids === b.ids;

function rowOf(results: readonly CellResult[]): StudyRow {
  const [{ target, start, ids, summary, details }] = results as [CellResult];
  const isCold = details.targetCounts.map((count) => (count < coldBelow ? 1 : 0) as number);
  const coldRows = isCold.reduce((a, b) => a + b, 0);
  const valid = results.flatMap((result) => result.summary.best.valid['ndcg@10'] ?? []);
  return {
    target,
    start,
    ids,
    seeds: results.map(({ seed }) => seed),
    test: summariseRuns(results.map((result) => result.summary.test ?? {})),
    cold: coldRows > 0 ? summarise(results.map((r) => recallAt(r.details.ranks, 10, isCold))) : undefined,
    coldRows,
    valid: valid.length > 0 ? summarise(valid) : undefined,
    bestEpoch: summarise(results.map((result) => result.summary.best.epoch)),
    trainable: summary.parameters['trainable'] ?? summary.parameters['total'] ?? 0,
    seconds: summarise(results.map((result) => result.summary.timings.totalSeconds)),
  };
}

/** The lines of a study's table: by target, then with IDs before without, then from scratch before pre-trained. */
export function studyRows(results: readonly CellResult[]): StudyRow[] {
  const firsts = results.filter((result, i) => results.findIndex((other) => sameLine(result, other)) === i);
  const order = [...new Set(results.map(({ target }) => target))];
  const rank = (row: CellResult): number =>
    4 * order.indexOf(row.target) + (row.ids ? 0 : 2) + (row.start === 'scratch' ? 0 : 1);
  return firsts
    .sort((a, b) => rank(a) - rank(b))
    .map((first) => rowOf(results.filter((result) => sameLine(first, result))));
}

/** What pre-training changed for one target and choice of IDs. */
export interface Effect {
  /** Name of the target domain. */
  readonly target: string;
  /** Whether items had IDs. */
  readonly ids: boolean;
  /** NDCG@10 of each test row when pre-trained, mean over seeds. */
  readonly preTrained: Float64Array;
  /** The same from scratch. */
  readonly scratch: Float64Array;
}

/** Each test row's gain, pre-trained and from scratch, over the seeds that both have; rows stay paired. */
export function effects(results: readonly CellResult[]): Effect[] {
  return studyRows(results)
    .filter(({ start }) => start === 'pre-trained')
    .flatMap(({ target, ids }) => {
      const of = (start: Start): CellResult[] =>
        results.filter((r) => r.target === target && r.ids === ids && r.start === start);
      const pairs = of('pre-trained').flatMap((tuned) => {
        const fresh = of('scratch').find(({ seed }) => seed === tuned.seed);
        return fresh ? [{ tuned, fresh }] : [];
      });
      if (pairs.length === 0) return [];
      const mean = (runs: readonly CellResult[]): Float64Array => {
        const perSeed = runs.map(({ details }) => gains(details.ranks, 10));
        return perSeed[0]!.map((_, row) => perSeed.reduce((sum, own) => sum + own[row]!, 0) / perSeed.length);
      };
      return [
        {
          target,
          ids,
          preTrained: mean(pairs.map((p) => p.tuned)),
          scratch: mean(pairs.map((p) => p.fresh)),
        },
      ];
    });
}
