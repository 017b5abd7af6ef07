import { RandomStream } from '@ferry/engine';
import {
  comparePaired,
  holm,
  metricTitle,
  rankingMetrics,
  rowCount,
  rowValues,
  type GroupMetrics,
  type PairedComparison,
} from '@ferry/evaluation';
import { metricNames, UserError, type FinetuneRecipe } from '@ferry/recipes';
import { tableToText, type Table } from '@ferry/report';
import { listRows } from '@ferry/training';
import { groupsOf, keptRows, type RankedRows } from '../rows.ts';
import { pText, signed } from '../study/effects.ts';
import { runRecipe } from './runs.ts';

/** What {@link compareRuns} is asked for. */
export interface CompareOptions {
  /** Which kept rows, such as `valid` or `test-without-image`. Default `test`. */
  readonly rows?: string;
  /** The metric that is tested. Default: the first run's validation metric. */
  readonly metric?: string;
  /** Cutoffs. Default: the first run's. */
  readonly cutoffs?: readonly number[];
}

/** A run against the first one, row by row. */
export interface RunDifference extends PairedComparison {
  /** The run. */
  readonly run: string;
  /** p-value of the permutation test after Holm's correction over all runs compared. */
  readonly corrected: number;
}

/** Some runs side by side. */
export interface RunComparison {
  /** The runs, the one the others are compared with first. */
  readonly runs: readonly string[];
  /** Name of the domain. */
  readonly domain: string;
  /** Which rows. */
  readonly rows: string;
  /** How many. */
  readonly count: number;
  /** The metric that is tested. */
  readonly metric: string;
  /** Metrics of each run. */
  readonly metrics: readonly Readonly<Record<string, number>>[];
  /** Each run but the first against the first. */
  readonly differences: readonly RunDifference[];
  /** Metrics of each run by training interactions of the item, length of the history and modalities. */
  readonly groups: Readonly<Record<string, readonly (readonly GroupMetrics[])[]>>;
}

interface OpenedRun {
  readonly run: string;
  readonly rows: RankedRows;
  readonly evaluation: FinetuneRecipe['evaluation'] | undefined;
}

async function open(run: string, name: string): Promise<OpenedRun> {
  const recipe = runRecipe(run);
  const rows = await keptRows(run, name);
  if (!rows) {
    const there = listRows(run);
    const [split = 'test'] = name.split('-');
    throw new UserError(
      `${run} has kept no rows '${name}'${there.length > 0 ? ` (it has ${there.join(', ')})` : ''}: ferry evaluate ${run}${split === 'test' ? '' : ` --split ${split}`} makes them`,
    );
  }
  return { run, rows, evaluation: recipe.job === 'pretrain' ? undefined : recipe.evaluation };
}

const historyWords: Readonly<Record<string, string>> = {
  keep: 'items of the history kept',
  mask: 'items of the history excluded',
};

/** Rows of a run in words. */
function described({ run, rows }: OpenedRun): string {
  const { domain, split, history, items } = rows;
  const count = (value: number): string => value.toLocaleString('en-US');
  return (
    `${run}: ${split} of ${domain}, ${count(rowCount(rows))} rows` +
    (items > 0 ? ` among ${count(items)} items` : '') +
    (history in historyWords ? `, ${historyWords[history]!}` : '')
  );
}

/** Where the rows of two runs differ, in words; undefined where they are the same. */
function differenceOf(first: OpenedRun, other: OpenedRun): string | undefined {
  const [a, b] = [first.rows, other.rows];
  // A run of before rows were kept does not tell its protocol, its items or who its users are.
  const unequal = (key: 'history' | 'items' | 'key'): boolean =>
    Boolean(a[key] && b[key]) && a[key] !== b[key];
  if (
    a.domain !== b.domain ||
    a.split !== b.split ||
    rowCount(a) !== rowCount(b) ||
    unequal('history') ||
    unequal('items')
  )
    return '';
  const row = a.targets && b.targets ? a.targets.findIndex((target, r) => target !== b.targets![r]) : -1;
  if (row >= 0) return `; row ${row + 1} wants another item`;
  const counts = a.targetCounts.findIndex((count, r) => count !== b.targetCounts[r]);
  if (counts >= 0) return `; the item of row ${counts + 1} occurs in training as often as another`;
  return unequal('key') ? '; their users or items are others' : undefined;
}

/**
 * Compares runs that ranked the same rows, from the rows they kept: nothing is ranked again.
 *
 * @param runs - Run directories, two at least; the others are compared with the first.
 * @throws UserError for runs that ranked other rows, or kept none.
 */
export async function compareRuns(
  runs: readonly string[],
  { rows: name = 'test', metric: wanted, cutoffs: given }: CompareOptions = {},
): Promise<RunComparison> {
  if (runs.length < 2) throw new UserError(`two runs at least must be named, got ${runs.length}`);
  const twice = runs.find((run, i) => runs.indexOf(run) < i);
  if (twice !== undefined) throw new UserError(`runs must differ from one another, got ${twice} twice`);
  const opened: OpenedRun[] = [];
  for (const run of runs) opened.push(await open(run, name));
  const [first, ...others] = opened as [OpenedRun, ...OpenedRun[]];
  for (const other of others) {
    const difference = differenceOf(first, other);
    if (difference !== undefined)
      throw new UserError(
        `runs must have ranked the same rows: ${described(first)}; ${described(other)}${difference}`,
      );
  }
  const { cutoffs: own = [10, 50], metric: led = 'ndcg@10', ties = 'mid-rank' } = first.evaluation ?? {};
  const cutoffs = given ?? own;
  const known = metricNames(cutoffs);
  const metric = wanted?.toLowerCase() ?? (known.includes(led) ? led : known[1]!);
  if (!known.includes(metric))
    throw new UserError(`--metric must be one of ${known.join(', ')}, got ${metric}`);
  const base = rowValues(first.rows, metric, ties);
  const tested = others.map(({ run, rows }) => ({
    run,
    ...comparePaired(rowValues(rows, metric, ties), base, { random: RandomStream.fromSeed(1).split(run) }),
  }));
  const corrected = holm(tested.map(({ permutation }) => permutation));
  const groups: Record<string, (readonly GroupMetrics[])[]> = {};
  for (const { rows } of opened)
    for (const group of groupsOf(rows, cutoffs, ties)) (groups[group.title] ??= []).push(group.groups);
  return {
    runs,
    domain: first.rows.domain,
    rows: name,
    count: base.length,
    metric,
    metrics: opened.map(({ rows }) => rankingMetrics(rows, cutoffs, undefined, ties)),
    differences: tested.map((one, i) => ({ ...one, corrected: corrected[i]! })),
    // A grouping that only some of the runs can tell is left out.
    groups: Object.fromEntries(Object.entries(groups).filter(([, all]) => all.length === runs.length)),
  };
}

/** Paths without the directories that all of them begin and end with. */
export function shortNames(paths: readonly string[]): string[] {
  const parts = paths.map((path) => path.split('/').filter((part) => part !== ''));
  const shortest = Math.min(...parts.map((own) => own.length)) - 1;
  const same = (at: (own: string[]) => string | undefined): boolean =>
    parts.every((own) => at(own) === at(parts[0]!));
  let head = 0;
  while (head < shortest && same((own) => own[head])) head++;
  let tail = 0;
  while (head + tail < shortest && same((own) => own.at(-1 - tail))) tail++;
  return parts.map((own) => own.slice(head, own.length - tail).join('/'));
}

/** A comparison for the terminal. */
export function formatComparison(comparison: RunComparison, width?: number): string {
  const { runs, domain, rows, count, metric, metrics, differences, groups } = comparison;
  const names = shortNames(runs);
  const number = (key: string, title: string) => ({ key, title, kind: 'number' as const, decimals: 4 });
  const whole: Table = {
    columns: [
      { key: 'run', title: 'run' },
      ...Object.keys(metrics[0]!).map((key) => ({ ...number(key, metricTitle(key)), best: 'max' as const })),
    ],
    rows: metrics.map((own, i) => ({ run: names[i]!, ...own })),
  };
  const tests: Table = {
    columns: [
      { key: 'run', title: `against ${names[0]!}` },
      { key: 'difference', title: metricTitle(metric), kind: 'number' },
      { key: 'interval', title: '95 % interval over rows', kind: 'number' },
      { key: 'p', title: 'p', kind: 'number' },
      { key: 'corrected', title: 'p (Holm)', kind: 'number' },
      { key: 'wins', title: 'rows better', kind: 'number' },
      { key: 'losses', title: 'rows worse', kind: 'number' },
    ],
    rows: differences.map(({ run, difference, low, high, permutation, corrected, wins, losses }) => ({
      run: names[runs.indexOf(run)]!,
      difference: signed(difference),
      interval: `${signed(low)} to ${signed(high)}`,
      p: pText(permutation),
      corrected: pText(corrected),
      wins,
      losses,
    })),
  };
  const byGroup = Object.entries(groups).map(([title, all]): Table => {
    const filled = all[0]!.filter((group) => group.metrics);
    return {
      columns: [
        { key: 'label', title },
        { key: 'rows', title: 'rows', kind: 'number' },
        ...names.map((name, i) => ({ ...number(`run${i}`, name), best: 'max' as const })),
      ],
      rows: filled.map(({ label, rows: size }) => ({
        label,
        rows: size,
        ...Object.fromEntries(
          all.map((own, i) => [
            `run${i}`,
            own.find((group) => group.label === label)?.metrics?.[metric] ?? null,
          ]),
        ),
      })),
    };
  });
  const head = `${domain}, ${rows}: ${count.toLocaleString('en-US')} rows\n${runs.map((run, i) => `  ${names[i]!}  ${run}`).join('\n')}`;
  const set = (table: Table): string => tableToText(table, { width }).trimEnd();
  const note =
    'Paired permutation test, row by row. The interval covers the choice of rows, not the seed of a run: compare several seeds, or a study.';
  return [
    head,
    set(whole),
    `${set(tests)}\n\n${note}`,
    ...(byGroup.length > 0 ? [`${metricTitle(metric)} by group`] : []),
    ...byGroup.map(set),
  ].join('\n\n');
}
