import { RandomStream } from '@ferry/engine';
import {
  benjaminiHochberg,
  comparePaired,
  holm,
  mean,
  meanOfKnown,
  meanOverRuns,
  rowCount,
  summarise,
  type GroupMetrics,
  type PairedComparison,
  type Summary,
  type TieRule,
} from '@ferry/evaluation';
import { metricNames, UserError } from '@ferry/recipes';
import { groupsOf, markedMetric, metricsOf, valuesOf } from '../rowMetrics.ts';
import { publishedFor, type Published } from '../published.ts';
import { differenceOf, openRows, type OpenedRows } from './openRows.ts';
import { linesOf, type Line } from './lines.ts';

/** The p-value that is corrected and put into words. */
export const comparisonTests = ['permutation', 't', 'wilcoxon', 'sign'] as const;

/** How p-values are corrected for the number of comparisons. */
export const comparisonCorrections = ['holm', 'benjamini-hochberg'] as const;

/** What {@link compareRuns} is asked for. */
export interface CompareOptions {
  /** Which kept rows, such as `valid` or `test-without-image`. Default `test`. */
  readonly rows?: string;
  /** The metric that is tested. Default: the first run's validation metric. */
  readonly metric?: string;
  /** Cutoffs. Default: the first run's. */
  readonly cutoffs?: readonly number[];
  /** Whether every run is a line of its own, even where runs differ by their seed alone. */
  readonly each?: boolean;
  /** Whether every line is compared with every other, instead of with the first. */
  readonly pairs?: boolean;
  /** Default `permutation`. */
  readonly test?: (typeof comparisonTests)[number];
  /** Default `holm`. */
  readonly correction?: (typeof comparisonCorrections)[number];
}

/** A line of a comparison against another one, row by row: each row's value is the mean over the seeds that both have. */
export interface LineDifference extends PairedComparison {
  /** Name of the line. */
  readonly line: string;
  /** Name of the line it is compared with. */
  readonly base: string;
  /** p-value of the chosen test, corrected over all comparisons. */
  readonly corrected: number;
  /** Mean difference of each seed that both have, as mean and deviation over them; undefined where they share none. */
  readonly seeds: Summary | undefined;
}

/** Some runs side by side. */
export interface RunComparison {
  /** All runs, in the order they were named. */
  readonly runs: readonly string[];
  /** Runs that differ by their seed alone are one line. */
  readonly lines: readonly Line[];
  /** Name of the domain. */
  readonly domain: string;
  /** How the domain was split; undefined for runs of before it was kept. */
  readonly protocol: string | undefined;
  /** How candidates were drawn, where they are a sample. */
  readonly sampled?: string;
  /** Which rows. */
  readonly rows: string;
  /** How many. */
  readonly count: number;
  /** The metric that is tested. */
  readonly metric: string;
  /** The test whose p-values are corrected. */
  readonly test: (typeof comparisonTests)[number];
  /** How. */
  readonly correction: (typeof comparisonCorrections)[number];
  /** What others published on the same data. */
  readonly published: Published;
  /** Metrics of each line over its seeds. */
  readonly metrics: readonly Readonly<Record<string, Summary>>[];
  /** Lines against one another. */
  readonly differences: readonly LineDifference[];
  /**
   * Metrics of each line, means over its seeds, by training interactions of the item, length of the history and
   * modalities.
   */
  readonly groups: Readonly<Record<string, readonly (readonly GroupMetrics[])[]>>;
}

type Opened = ReadonlyMap<string, OpenedRows>;

/** The same metrics of several runs as one: over what all of them have. */
function together<T>(
  runs: readonly Readonly<Record<string, number>>[],
  as: (values: readonly number[]) => T,
): Record<string, T> {
  const names = Object.keys(runs[0]!).filter((name) => runs.every((own) => own[name] !== undefined));
  return Object.fromEntries(names.map((name) => [name, as(runs.map((own) => own[name]!))]));
}

/**
 * Groups of each line, their metrics averaged over its runs. Groupings that only some of the runs can tell are left out,
 * and those that differ between runs, such as by what was in training where that was not the same.
 */
function groupsOfLines(
  lines: readonly Line[],
  opened: Opened,
  cutoffs: readonly number[],
  ties: TieRule,
): Record<string, GroupMetrics[][]> {
  const all = lines.map(({ runs }) => runs.map((run) => groupsOf(opened.get(run)!.rows, cutoffs, ties)));
  const titles = all[0]![0]!
    .map(({ title }) => title)
    .filter((title) => {
      const sizes = all.flat().map((groups) => {
        const own = groups.find((group) => group.title === title)?.groups;
        return own && JSON.stringify(own.map(({ label, rows }) => [label, rows]));
      });
      return sizes.every((own) => own !== undefined && own === sizes[0]);
    });
  return Object.fromEntries(
    titles.map((title) => [
      title,
      all.map((runs) => {
        const own = runs.map((groups) => groups.find((group) => group.title === title)!.groups);
        return own[0]!.map((group, at): GroupMetrics => {
          const metrics = own.flatMap((groups) => (groups[at]?.metrics ? [groups[at].metrics] : []));
          return metrics.length === 0 ? group : { ...group, metrics: together(metrics, mean) };
        });
      }),
    ]),
  );
}

/** Two lines compared row by row, before correction. */
function compareLines(
  line: Line,
  base: Line,
  values: ReadonlyMap<string, Float64Array>,
): Omit<LineDifference, 'corrected'> {
  const shared = line.seeds.filter((seed) => base.seeds.includes(seed));
  const of = ({ runs, seeds }: Line): Float64Array[] =>
    (shared.length > 0 ? shared.map((seed) => runs[seeds.indexOf(seed)]!) : runs).map((run) =>
      values.get(run)!,
    );
  const [own, other] = [of(line), of(base)];
  return {
    line: line.name,
    base: base.name,
    ...comparePaired(meanOverRuns(own), meanOverRuns(other), {
      random: RandomStream.fromSeed(1).split(line.runs[0]!),
    }),
    seeds:
      shared.length > 1
        ? summarise(own.map((one, i) => meanOfKnown(one) - meanOfKnown(other[i]!)))
        : undefined,
  };
}

/** The metric that is tested, checked against what the rows can tell. */
function testedMetric(
  wanted: string | undefined,
  { rows, evaluation }: OpenedRows,
  cutoffs: readonly number[],
  ties: TieRule,
): string {
  const known = rows.impressions
    ? Object.keys(rows.impressions.values)
    : metricNames(cutoffs, rows.sampled !== undefined);
  const led = evaluation?.metric ?? 'ndcg@10';
  const metric = markedMetric(rows, wanted?.toLowerCase() ?? (known.includes(led) ? led : known[1]!));
  try {
    valuesOf(rows, metric, ties);
  } catch (error) {
    throw new UserError(
      `--metric must be one that the rows can tell, such as ${known.join(', ')}, got ${metric} ` +
        `(${(error as Error).message})`,
    );
  }
  return metric;
}

/**
 * Compares runs that ranked the same rows, from the rows they kept: nothing is ranked again. Runs of one recipe with
 * several seeds are one line.
 *
 * @param runs - Run directories, two at least; the others are compared with the first.
 * @throws UserError for runs that ranked other rows, or kept none.
 */
export async function compareRuns(
  runs: readonly string[],
  { rows: name = 'test', cutoffs: given, pairs = false, each = false, ...options }: CompareOptions = {},
): Promise<RunComparison> {
  const { metric: wanted, test = 'permutation', correction = 'holm' } = options;
  if (runs.length < 2) throw new UserError(`two runs at least must be named, got ${runs.length}`);
  const twice = runs.find((run, i) => runs.indexOf(run) < i);
  if (twice !== undefined) throw new UserError(`runs must differ from one another, got ${twice} twice`);
  const opened = new Map<string, OpenedRows>();
  for (const run of runs) opened.set(run, await openRows(run, name));
  const first = opened.get(runs[0]!)!;
  for (const other of opened.values()) {
    const difference = differenceOf(first, other);
    if (difference !== undefined) throw new UserError(difference);
  }
  const { cutoffs: own = [10, 50], ties = 'mid-rank' } = first.evaluation ?? {};
  const cutoffs = given ?? own;
  const metric = testedMetric(wanted, first, cutoffs, ties);
  const lines = linesOf([...opened.values()], each);
  const values = new Map([...opened].map(([run, { rows }]) => [run, valuesOf(rows, metric, ties)]));
  const compared = lines.flatMap((line, i) =>
    lines.slice(0, pairs ? i : Math.min(i, 1)).map((base) => compareLines(line, base, values)),
  );
  const correct = { holm, 'benjamini-hochberg': benjaminiHochberg }[correction];
  // A single row has no t-test.
  const corrected = correct(compared.map((one) => (Number.isNaN(one[test]) ? 1 : one[test])));
  return {
    runs,
    lines,
    domain: first.rows.domain,
    protocol: first.rows.protocol,
    ...(first.rows.sampled !== undefined && { sampled: first.rows.sampled }),
    rows: name,
    count: rowCount(first.rows),
    ...{ metric, test, correction },
    published: publishedFor({ ...first.rows, rows: rowCount(first.rows) }),
    metrics: lines.map((line) =>
      together(
        line.runs.map((run) => {
          const { rows } = opened.get(run)!;
          const found = metricsOf(rows, cutoffs, ties);
          return metric in found ? found : { ...found, [metric]: meanOfKnown(values.get(run)!) };
        }),
        summarise,
      ),
    ),
    differences: compared.map((one, i) => ({ ...one, corrected: corrected[i]! })),
    groups: groupsOfLines(lines, opened, cutoffs, ties),
  };
}
