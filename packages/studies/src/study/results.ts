import { gains, recallAt, summarise, summariseRuns, type Summary as Spread } from '@ferry/evaluation';
import { studyStarts } from '@ferry/recipes';
import type { Summary } from '@ferry/training';
import type { RunDetails } from '../details.ts';
import type { BaselineResult } from './baselines.ts';
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
  /** Name of the model; undefined in a study of one model. */
  readonly variant?: string | undefined;
  /** Seed. */
  readonly seed: number;
  /** Run directory. */
  readonly directory: string;
  /** The run's summary. */
  readonly summary: Summary;
  /** The run's details. */
  readonly details: RunDetails;
}

/** A line of a study's table: all seeds of one target, start, choice of IDs and model. */
export interface StudyRow {
  /** Name of the target domain. */
  readonly target: string;
  /** Where it started. */
  readonly start: Start;
  /** Whether items had IDs. */
  readonly ids: boolean;
  /** Name of the model; undefined in a study of one model. */
  readonly variant?: string | undefined;
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

/** What tells lines of the table apart. */
type Line = Pick<CellResult, 'target' | 'start' | 'ids' | 'variant'>;

/** Whether two results belong to the same line. */
const sameLine = (a: Line, b: Line): boolean =>
  a.target === b.target && a.start === b.start && a.ids === b.ids && a.variant === b.variant;

/** 1 for each test row whose item is cold. */
const coldMask = (targetCounts: readonly number[]): number[] =>
  targetCounts.map((count) => (count < coldBelow ? 1 : 0));

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function rowOf(results: readonly CellResult[]): StudyRow {
  const [{ target, start, ids, variant, summary, details }] = results as [CellResult];
  const isCold = coldMask(details.targetCounts);
  const coldRows = sum(isCold);
  const valid = results.flatMap((result) => result.summary.best.valid['ndcg@10'] ?? []);
  return {
    target,
    start,
    ids,
    ...(variant !== undefined && { variant }),
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

/** The distinct values of some results, in the order they come. */
const distinct = <K extends keyof CellResult>(results: readonly CellResult[], key: K): CellResult[K][] => [
  ...new Set(results.map((result) => result[key])),
];

/** The lines of a study's table: by target, then with IDs before without, then from scratch before pre-trained, then by model. */
export function studyRows(results: readonly CellResult[]): StudyRow[] {
  const targets = distinct(results, 'target');
  const variants = distinct(results, 'variant');
  return targets.flatMap((target) =>
    [true, false].flatMap((ids) =>
      studyStarts.flatMap((start) =>
        variants.flatMap((variant) => {
          const own = results.filter((result) => sameLine(result, { target, ids, start, variant }));
          return own.length > 0 ? [rowOf(own)] : [];
        }),
      ),
    ),
  );
}

/** Recall@10 of a baseline over the test rows whose item is cold; undefined if there is none. */
export function coldRecall({ ranks, targetCounts }: BaselineResult): number | undefined {
  const isCold = coldMask(targetCounts);
  return sum(isCold) > 0 ? recallAt(ranks, 10, isCold) : undefined;
}

/** Two lines of the table compared test row by test row. */
export interface Comparison {
  /** Name of the target domain. */
  readonly target: string;
  /** Whether items had IDs. */
  readonly ids: boolean;
  /** The line in question. */
  readonly line: Line;
  /** The one it is compared with. */
  readonly base: Line;
  /** NDCG@10 of each test row in the line, mean over the seeds that both have. */
  readonly gains: Float64Array;
  /** The same in the base. */
  readonly baseGains: Float64Array;
}

/** Which test rows are compared. */
interface Rows {
  /** Only those whose item is cold. */
  readonly cold?: boolean | undefined;
}

/** Gains of both lines, rows paired, over the seeds that both have; undefined if there is none. */
function compare(
  results: readonly CellResult[],
  line: Line,
  base: Line,
  { cold = false }: Rows,
): Comparison | undefined {
  const pairs = results
    .filter((result) => sameLine(result, line))
    .flatMap((own) => {
      const other = results.find((result) => sameLine(result, base) && result.seed === own.seed);
      return other ? [{ own, other }] : [];
    });
  if (pairs.length === 0) return undefined;
  const mean = (runs: readonly CellResult[]): Float64Array => {
    const perSeed = runs.map(({ details }) => gains(details.ranks, 10));
    const all = perSeed[0]!.map(
      (_, row) => perSeed.reduce((total, own) => total + own[row]!, 0) / perSeed.length,
    );
    const { targetCounts } = runs[0]!.details;
    return cold ? all.filter((_, row) => targetCounts[row]! < coldBelow) : all;
  };
  return {
    target: line.target,
    ids: line.ids,
    line,
    base,
    gains: mean(pairs.map(({ own }) => own)),
    baseGains: mean(pairs.map(({ other }) => other)),
  };
}

/** What pre-training changed, against the same model from scratch, on all test rows or those whose item is cold. */
export function preTrainingEffects(results: readonly CellResult[], rows: Rows = {}): Comparison[] {
  return studyRows(results)
    .filter(({ start }) => start !== 'scratch')
    .flatMap((line) => compare(results, line, { ...line, start: 'scratch' }, rows) ?? []);
}

/** What each model changed, against the study's first one, on all test rows or those whose item is cold. */
export function variantEffects(results: readonly CellResult[], rows: Rows = {}): Comparison[] {
  const [first] = distinct(results, 'variant');
  return studyRows(results)
    .filter(({ variant }) => variant !== first)
    .flatMap((line) => compare(results, line, { ...line, variant: first }, rows) ?? []);
}
