import { RandomStream } from '@ferry/engine';
import {
  isMany,
  maskGroups,
  mean,
  meanOverRuns,
  metricTitle,
  pairedRatio,
  rangeGroups,
  rowsOfGroups,
  rowValues,
  type Groups,
  type Ratio,
  type TieRule,
} from '@ferry/evaluation';
import { clickedAuc, type ImpressionTies } from '@ferry/nrms';
import { UserError } from '@ferry/recipes';
import { formatShare, groupChart, tableToCsv, tableToText, type Cell, type Table } from '@ferry/report';
import { replaceFile } from '@ferry/training';
import { areOfItems, markedMetric, rowEdges, valuesOf } from '../rowMetrics.ts';
import type { RankedRows } from '../rows.ts';
import { countCells, countColumns } from './evaluate.ts';
import { linesOf, type Line } from './lines.ts';
import { differenceOf, openRows } from './openRows.ts';

/** What rows can be grouped by. */
export const longtailGroupings = ['frequency', 'cold', 'history', 'modality', 'age'] as const;

/** What {@link longtail} is asked for. */
export interface LongtailOptions {
  /** Which kept rows. Default `test`. */
  readonly rows?: string;
  /** Default `frequency`: training interactions of the wanted item. */
  readonly by?: (typeof longtailGroupings)[number];
  /** Lower ends of the groups. */
  readonly edges?: readonly number[];
  /** As many groups of about equal numbers of rows, instead of edges. */
  readonly quantiles?: number;
  /** Default recall at the first run's leading cutoff; of impressions, the area under the curve. */
  readonly metric?: string;
  /** The run that the others are shown relative to. Default the first. */
  readonly against?: string;
}

/** A line in a group of rows. */
export interface LongtailPoint {
  /** Mean of the metric over the group's rows, or its relevant items, and the line's seeds. */
  readonly value: number;
  /** By which share it is above the named run's; undefined where that found nothing, and for that run itself. */
  readonly relative?: Ratio;
}

/** A group of rows. */
export interface LongtailGroup {
  /** What its rows have in common, such as `5-9`. */
  readonly label: string;
  /** How many rows it has; of a group of relevant items, how many rows have any of them. */
  readonly rows: number;
  /** Of a group of relevant items, of which a row may have several: how many it has. */
  readonly interactions?: number;
  /** A point for each line. */
  readonly points: readonly LongtailPoint[];
}

/** Rows by groups, each line relative to a named one. */
export interface Longtail {
  /** Name of the domain. */
  readonly domain: string;
  /** The metric. */
  readonly metric: string;
  /** What rows are grouped by, in words. */
  readonly title: string;
  /** The lines, the one the others are relative to first. */
  readonly lines: readonly Line[];
  /** The groups that have rows: name, number of rows, a point for each line. */
  readonly groups: readonly LongtailGroup[];
}

/** Lower ends of groups of about as many rows each; equal values stay together. */
function quantileEdges(values: ArrayLike<number>, count: number): number[] {
  const sorted = Array.from(values).sort((a, b) => a - b);
  // More groups than rows are a group for each row.
  const groups = Math.min(count, sorted.length);
  const edges = Array.from({ length: groups }, (_, i) => sorted[Math.floor((i * sorted.length) / groups)]!);
  return [...new Set(edges)];
}

/** Edges that leave no value out: what lies below the first of them is a group as well. */
function lowerEnds(values: ArrayLike<number>, edges: readonly number[]): readonly number[] {
  const least = Array.from(values).reduce((a, b) => Math.min(a, b), Infinity);
  return least < edges[0]! ? [least, ...edges] : edges;
}

interface Grouping {
  readonly title: string;
  readonly groups: Groups;
  /** Whether relevant items are grouped, of which a row may have several, instead of rows. */
  readonly ofItems: boolean;
}

const day = 86_400;

function grouping(
  rows: RankedRows,
  run: string,
  { by = 'frequency', edges, quantiles }: LongtailOptions,
): Grouping {
  const numeric = (values: ArrayLike<number>, otherwise: readonly number[]): Groups =>
    rangeGroups(
      values,
      lowerEnds(values, quantiles === undefined ? (edges ?? otherwise) : quantileEdges(values, quantiles)),
    );
  if ((by === 'modality' || by === 'cold') && (edges || quantiles))
    throw new UserError(`--by ${by} has groups of its own: leave ${edges ? '--edges' : '--quantiles'} out`);
  const lacks = (what: string): UserError => new UserError(`${run} has kept no ${what} with its rows`);
  switch (by) {
    case 'frequency':
      return {
        title: 'training interactions of the item',
        groups: numeric(rows.targetCounts, rowEdges.popularity),
        ofItems: true,
      };
    case 'cold':
      return {
        title: 'training interactions of the item',
        groups: rangeGroups(rows.targetCounts, [0, 5]),
        ofItems: true,
      };
    case 'history':
      if (!rows.historyLengths) throw lacks('lengths of histories');
      return {
        title: 'length of the history',
        groups: numeric(rows.historyLengths, rowEdges.historyLength),
        ofItems: false,
      };
    case 'modality':
      if (!rows.modalities || rows.modalityNames.length === 0) throw lacks('modalities of items');
      return {
        title: 'modalities of the item',
        groups: maskGroups(rows.modalityNames, rows.modalities),
        ofItems: true,
      };
    case 'age': {
      if (isMany(rows))
        throw new UserError(`--by age needs rows of one relevant item, got users with several in ${run}`);
      if (!rows.ages) throw lacks('times: the domain holds only an order');
      const days = rows.ages.map((age) => Math.floor(age / day));
      return {
        title: 'age of the domain in days',
        groups: numeric(days, quantileEdges(days, 5)),
        ofItems: true,
      };
    }
  }
}

/** Refuses a metric that there is not, or that rows cannot tell. */
function checkMetric(metric: string, rows: RankedRows, ties: TieRule): void {
  try {
    valuesOf(rows, metric, ties);
  } catch (error) {
    throw new UserError(
      `--metric must be one that the rows can tell, got ${metric} (${(error as Error).message.replace(/^\w+: /, '')})`,
    );
  }
}

/** Values of what is grouped: of rows, or of relevant items one by one. */
function groupedValues(rows: RankedRows, metric: string, ties: TieRule, ofItems: boolean): Float64Array {
  if (!ofItems || !isMany(rows)) return valuesOf(rows, metric, ties);
  const { impressions, relevantEnds, candidates } = rows;
  if (impressions && metric === 'auc')
    return clickedAuc({ ...rows, relevantEnds, candidates: candidates! }, impressions.ties as ImpressionTies);
  if (!metric.startsWith('recall@'))
    throw new UserError(
      `rows with several relevant items are grouped by item for ${impressions ? 'auc and ' : ''}recall@k alone, ` +
        `got ${metric}`,
    );
  return rowValues({ better: rows.better, tied: rows.tied }, metric, ties);
}

/**
 * Test rows by groups, and what some runs find in each relative to a named one: the long-tail figure of MISSRec and
 * others, from the rows that runs have kept. Runs of one recipe with several seeds are one line.
 *
 * @throws UserError for runs that ranked other rows, and for a grouping that their rows do not tell.
 */
export async function longtail(runs: readonly string[], options: LongtailOptions = {}): Promise<Longtail> {
  const { rows: name = 'test', against = runs[0]! } = options;
  if (!runs.includes(against))
    throw new UserError(`--against must be one of the runs (${runs.join(', ')}), got ${against}`);
  const opened = new Map<string, Awaited<ReturnType<typeof openRows>>>();
  for (const run of new Set([against, ...runs])) opened.set(run, await openRows(run, name));
  const first = opened.get(against)!;
  for (const other of opened.values()) {
    const difference = differenceOf(first, other);
    if (difference !== undefined) throw new UserError(difference);
  }
  const { ties: rule = 'mid-rank', cutoffs = [10], metric: led = 'ndcg@10' } = first.evaluation ?? {};
  // Impressions have rules of their own.
  const ties = rule === 'pessimistic' || rule === 'optimistic' ? rule : 'mid-rank';
  // Ten places hold all that most impressions show.
  const usual = first.rows.impressions ? 'auc' : `recall@${/@(\d+)$/.exec(led)?.[1] ?? cutoffs[0]!}`;
  const metric = markedMetric(first.rows, options.metric?.toLowerCase() ?? usual);
  const { title, groups, ofItems } = grouping(first.rows, against, options);
  if (options.metric !== undefined) checkMetric(metric, first.rows, ties);
  const lines = linesOf([...opened.values()], false);
  const values = lines.map((line) => {
    const own = line.runs.map((run) => groupedValues(opened.get(run)!.rows, metric, ties, ofItems));
    return meanOverRuns(own);
  });
  const byItem = ofItems && isMany(first.rows) ? rowsOfGroups(groups, first.rows.relevantEnds) : undefined;
  const found = groups.labels.map((label, g): LongtailGroup => {
    const pick = (all: Float64Array): Float64Array =>
      all.filter((value, r) => groups.index[r] === g && !Number.isNaN(value));
    const [base, ...others] = values.map(pick);
    const random = RandomStream.fromSeed(1).split(label);
    return {
      ...{ label, rows: byItem?.[g] ?? base!.length },
      ...(byItem && { interactions: base!.length }),
      points: [
        { value: mean(base!) },
        ...others.map((own, i): LongtailPoint => {
          const relative = pairedRatio(own, base!, { random: random.split(lines[i + 1]!.name) });
          return { value: mean(own), relative };
        }),
      ],
    };
  });
  return { domain: first.rows.domain, metric, title, lines, groups: found.filter(({ rows }) => rows > 0) };
}

/** Every number of a long-tail figure: a row for each group and line. */
export function longtailTable({ domain, metric, title, lines, groups }: Longtail): Table {
  const keys = [
    'domain',
    'grouping',
    'group',
    'rows',
    'interactions',
    'run',
    'seeds',
    'metric',
    'value',
    'relative',
    'low',
    'high',
  ];
  return {
    columns: keys.map((key) => ({ key, title: key })),
    rows: groups.flatMap(({ label: group, rows, interactions, points }) =>
      points.map(({ value, relative }, i) => ({
        ...{ domain, grouping: title, group, rows, interactions },
        ...{ run: lines[i]!.name, seeds: lines[i]!.seeds.length, metric, value },
        ...(relative && { relative: relative.ratio, low: relative.low, high: relative.high }),
      })),
    ),
  };
}

/** Writes a long-tail figure's numbers as CSV and its picture as SVG; files that are there are replaced. */
export async function writeLongtail(
  figure: Longtail,
  { csv, svg }: { csv?: string; svg?: string },
): Promise<void> {
  if (csv !== undefined) replaceFile(csv, await tableToCsv(longtailTable(figure)));
  if (svg !== undefined) replaceFile(svg, longtailSvg(figure));
}

const percent = (share: number): string => `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(1)} %`;

/** What groups are made of, and values are means over. */
const countedIn = ({ groups }: Longtail): string => (areOfItems(groups) ? 'interactions' : 'rows');

/** A long-tail figure for the terminal. */
export function formatLongtail(figure: Longtail, width?: number): string {
  const { domain, metric, title, lines, groups } = figure;
  const size = ({ rows, interactions = rows }: LongtailGroup): number => interactions;
  const total = groups.reduce((sum, group) => sum + size(group), 0);
  const [base, ...others] = lines;
  const table: Table = {
    columns: [
      { key: 'label', title },
      ...countColumns(groups),
      { key: 'share', title: 'share', kind: 'number' },
      { key: 'base', title: base!.name, kind: 'number', decimals: 4 },
      ...others.flatMap(({ name }, i) => [
        { key: `value${i}`, title: name, kind: 'number' as const, decimals: 4 },
        { key: `relative${i}`, title: `against ${base!.name}`, kind: 'number' as const },
      ]),
    ],
    rows: groups.map((group): Readonly<Record<string, Cell>> => ({
      label: group.label,
      ...countCells(group),
      share: formatShare(size(group) / total),
      base: group.points[0]!.value,
      ...Object.fromEntries(
        group.points.slice(1).flatMap(({ value, relative }, i): [string, Cell][] => [
          [`value${i}`, value],
          [
            `relative${i}`,
            relative
              ? `${percent(relative.ratio)} (${percent(relative.low)} to ${percent(relative.high)})`
              : '',
          ],
        ]),
      ),
    })),
  };
  return (
    `${domain}: ${metricTitle(metric)} by ${title}, relative to ${base!.name}\n\n` +
    `${tableToText(table, { width }).trimEnd()}\n\n` +
    `In brackets the 95 % interval over ${countedIn(figure)} (bootstrap); empty where ${base!.name} finds nothing.`
  );
}

/** A long-tail figure as an SVG for a paper: bars for numbers of rows, a line for each run relative to the named one. */
export function longtailSvg(figure: Longtail): string {
  const { domain, metric, title, lines, groups } = figure;
  const [base, ...others] = lines;
  const measure = metricTitle(metric);
  const counted = countedIn(figure);
  return groupChart({
    title: `${domain}: ${measure} by ${title}`,
    description:
      `Bars: test ${counted} in each group. Lines: ${measure} relative to ${base!.name} in per cent, with 95 % ` +
      `intervals over ${counted}.`,
    groups: groups.map(({ label }) => label),
    counts: groups.map(({ rows, interactions = rows }) => interactions),
    x: title,
    y: `${measure} relative to ${base!.name} (%)`,
    count: `test ${counted}`,
    lines: others.map(({ name }, i) => ({
      name,
      points: groups.map(({ points }) => {
        const { relative } = points[i + 1]!;
        return relative
          ? { value: 100 * relative.ratio, low: 100 * relative.low, high: 100 * relative.high }
          : null;
      }),
    })),
  });
}
