import { join } from 'node:path';
import { makeDirectory } from '@ferry/data';
import type { Sequences } from '@ferry/data';
import type { ElliotConfig } from '@ferry/elliot';
import { elliotValue, mean, tTest, wilcoxon, type ElliotInputs, type ElliotValue } from '@ferry/evaluation';
import { tableToCsv, tableToText, type Table } from '@ferry/report';
import { replaceFile } from '@ferry/training';
import { listsOf, type RankedRows } from '../rows.ts';
import type { Trial } from './trials.ts';

/** Elliot's metrics by cutoff and name. */
export type Values = ReadonlyMap<number, Readonly<Record<string, ElliotValue>>>;

/** What a trial is worth on a test fold: means over its validation folds. */
export interface TrialResult {
  /** The trial. */
  readonly trial: Trial;
  /** Fold of the test. */
  readonly test: number;
  /** The metric that chooses, on the validation parts; undefined where there are none. */
  readonly valid: number | undefined;
  /** Epochs that were chosen, one for each validation fold. */
  readonly epochs: readonly number[];
  /** Its metrics on the test. */
  readonly values: Values;
}

/** Elliot's metrics of what a run ranked, from its lists. */
export function valuesOfRows(
  rows: RankedRows,
  training: Sequences,
  { cutoffs, metrics }: Pick<ElliotConfig, 'cutoffs' | 'metrics'>,
): Values {
  const inputs: ElliotInputs = {
    lists: listsOf(rows)!,
    training: rows.training!,
    seen: (row) => {
      const user = rows.users![row]!;
      return training.items.subarray(training.starts[user], training.ends[user]);
    },
  };
  return new Map(
    cutoffs.map((k) => [k, Object.fromEntries(metrics.map((name) => [name, elliotValue(inputs, name, k)]))]),
  );
}

/** Means of the same metrics over folds; the values of rows stay where there is one fold. */
export function meanValues(folds: readonly Values[]): Values {
  const [first] = folds;
  if (folds.length === 1) return first!;
  return new Map(
    [...first!].map(([k, own]) => [
      k,
      Object.fromEntries(
        Object.keys(own).map((name) => [
          name,
          { value: mean(folds.map((fold) => fold.get(k)![name]!.value)) },
        ]),
      ),
    ]),
  );
}

/** What an experiment found of a model. */
export interface ModelResult {
  /** Every trial on every test fold. */
  readonly trials: readonly TrialResult[];
  /** The trial that the validation chose, on each test fold. */
  readonly chosen: readonly TrialResult[];
  /** Means of these over the test folds. */
  readonly values: Values;
}

/** The result of the best of a model's trials; equal ones by their order. */
export function chooseTrials(trials: readonly TrialResult[]): ModelResult {
  const folds = [...new Set(trials.map(({ test }) => test))];
  const chosen = folds.map((fold) =>
    trials
      .filter(({ test }) => test === fold)
      .reduce((best, own) => ((own.valid ?? 0) > (best.valid ?? 0) ? own : best)),
  );
  return { trials, chosen, values: meanValues(chosen.map(({ values }) => values)) };
}

/** The name a model's results go by: with its parameters, as Elliot has it. */
const nameOf = ({ chosen: [first] }: ModelResult): string => first!.trial.name;

const tsv = (rows: readonly (readonly unknown[])[]): string =>
  rows.map((row) => `${row.map(String).join('\t')}\n`).join('');

/** A table of Elliot: a line for each name. */
function metricsTsv(entries: readonly (readonly [name: string, values: Values])[], k: number): string {
  const metrics = Object.keys(entries[0]![1].get(k)!);
  return tsv([
    ['model', ...metrics],
    ...entries.map(([name, values]) => [name, ...metrics.map((metric) => values.get(k)![metric]!.value)]),
  ]);
}

/** p-values of every pair of models on the users that both have a value of. */
function testsTsv(models: readonly ModelResult[], k: number, test: 'paired_ttest' | 'wilcoxon_test'): string {
  const lines: unknown[][] = [];
  for (const [i, a] of models.entries())
    for (const b of models.slice(i + 1))
      for (const [metric, own] of Object.entries(a.values.get(k)!)) {
        const other = b.values.get(k)![metric]!;
        if (!own.rows || !other.rows) continue;
        const differences = own.rows
          .map((value, r) => value - other.rows![r]!)
          .filter((d) => !Number.isNaN(d));
        // Where nothing differs scipy has no Wilcoxon test and Elliot writes nan.
        const same = differences.every((difference) => difference === 0);
        const p = test === 'paired_ttest' ? tTest(differences) : wilcoxon(differences);
        const shown = same ? 'nan' : p;
        lines.push([nameOf(a), nameOf(b), metric, shown], [nameOf(b), nameOf(a), metric, shown]);
      }
  return tsv(lines);
}

/** `2026_11_28_10_05_00`, in the ending of Elliot's files. */
function stampOf(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return [
    ...[date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())],
    ...[two(date.getHours()), two(date.getMinutes()), two(date.getSeconds())],
  ].join('_');
}

/** Every number of an experiment, in long form. */
function longTable(models: readonly ModelResult[]): Table {
  const keys = ['model', 'name', 'fold', 'cutoff', 'metric', 'value', 'chosen', 'validation', 'epoch'];
  return {
    columns: keys.map((key) => ({ key, title: key })),
    rows: models.flatMap(({ trials, chosen }) =>
      trials.flatMap((result) =>
        [...result.values].flatMap(([cutoff, own]) =>
          Object.entries(own).map(([metric, { value }]) => ({
            ...{ model: result.trial.of.key, name: result.trial.name, fold: result.test },
            ...{ cutoff, metric, value, chosen: chosen.includes(result) ? 1 : 0 },
            ...{ validation: result.valid ?? null, epoch: result.epochs.join(' ') },
          })),
        ),
      ),
    ),
  };
}

/**
 * Writes an experiment's results where Elliot writes them (`rec_cutoff_…`, `rec_<model>_cutoff_…` of searches,
 * `bestmodelparams_…`, `stat_…`), and every number as `results.csv` in Ferry's folder.
 *
 * @returns The files in Elliot's folder.
 */
export async function writeElliotResults(
  config: ElliotConfig,
  models: readonly ModelResult[],
  folder: string,
  now: Date,
): Promise<string[]> {
  const { cutoffs, relevance, tests, triplets, metrics, out } = config;
  makeDirectory(out.performance);
  const written: string[] = [];
  const write = (what: string, k: number, content: string, ending = 'tsv'): void => {
    const name = `${what}_cutoff_${k}_relthreshold_${relevance}_${stampOf(now)}.${ending}`;
    written.push(join(out.performance, name));
    replaceFile(join(out.performance, name), content);
  };
  const best = models.map((result) => [nameOf(result), result.values] as const);
  const oneFold = models.every(({ chosen }) => chosen.length === 1 && chosen[0]!.epochs.length === 1);
  for (const k of cutoffs) {
    write('rec', k, metricsTsv(best, k));
    if (triplets)
      write(
        'triplets_rec',
        k,
        tsv([
          ['model', 'metric', 'value'],
          ...best.flatMap(([name, values]) =>
            Object.entries(values.get(k)!).map(([metric, { value }]) => [name, metric, value]),
          ),
        ]),
      );
    for (const { trials, chosen } of models) {
      const own = trials.filter(({ test }) => test === chosen[0]!.test);
      if (own.length < 2) continue;
      const of = own.map(({ trial, values }) => [trial.name, values] as const);
      write(`rec_${chosen[0]!.trial.of.model.name}`, k, metricsTsv(of, k));
    }
    if (oneFold && models.length > 1)
      for (const test of tests) write(`stat_${test}`, k, testsTsv(models, k, test));
  }
  const parameters = [
    {
      default_validation_metric: metrics[0],
      default_validation_cutoff: cutoffs[0],
      rel_threshold: relevance,
    },
    ...models.flatMap(({ chosen }) =>
      chosen.map(({ trial, epochs, test }) => ({
        meta: { validation_metric: `${trial.of.chosenBy.metric}@${trial.of.chosenBy.k}` },
        recommender: trial.name,
        fold: test,
        configuration: {
          ...trial.parameters,
          best_iteration: epochs.length === 1 ? epochs[0] : epochs,
          name: trial.name,
        },
      })),
    ),
  ];
  write('bestmodelparams', cutoffs[0]!, `${JSON.stringify(parameters, null, 4)}\n`, 'json');
  replaceFile(join(folder, 'results.csv'), await tableToCsv(longTable(models)));
  return written;
}

/** An experiment's results for the terminal: a table for each cutoff. */
export function formatElliotResults(
  { cutoffs, metrics }: ElliotConfig,
  models: readonly ModelResult[],
  width?: number,
): string {
  return cutoffs
    .map((k) => {
      const table: Table = {
        columns: [
          { key: 'model', title: `@${k}` },
          ...metrics.map((key) => ({ key, title: key, kind: 'number' as const, decimals: 5 })),
          { key: 'epoch', title: 'epoch', kind: 'number' },
        ],
        rows: models.map(({ chosen, values }) => ({
          model: chosen[0]!.trial.directory,
          ...Object.fromEntries(metrics.map((name) => [name, values.get(k)![name]!.value])),
          epoch: chosen.flatMap(({ epochs }) => epochs).join(' '),
        })),
      };
      return tableToText(table, { width }).trimEnd();
    })
    .join('\n\n');
}
