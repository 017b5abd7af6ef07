import { popularityEdges } from '@ferry/data';
import {
  beyondAccuracy,
  groupMetrics,
  isMany,
  maskGroups,
  metricName,
  noveltyMetrics,
  noveltyValues,
  rangeGroups,
  rankingMetrics,
  rowsOfGroups,
  rowValues,
  type GroupMetrics,
  type Groups,
  type TieRule,
} from '@ferry/evaluation';
import { summariseImpressions } from '@ferry/nrms';
import { impressionGroups } from './impressionValues.ts';
import { listsOf, type RankedRows } from './rows.ts';

/** A partition of the rows with the metrics of each part. */
export interface RowGroups {
  /** What the rows are grouped by. */
  readonly title: string;
  /** Its parts. */
  readonly groups: readonly GroupMetrics[];
}

/** Lower ends of the groups of items by their training interactions, and of rows by the length of their history. */
export const rowEdges = { popularity: popularityEdges, historyLength: [1, 4, 5, 6, 8] } as const;

/** Whether groups are of relevant items, of which rows have several. */
export const areOfItems = (groups: readonly Pick<GroupMetrics, 'interactions'>[]): boolean =>
  groups.some(({ interactions }) => interactions !== undefined);

/** Relevant items as rows of their own; all that can be said of one alone is whether it is found. */
function byItem(rows: RankedRows, groups: Groups, cutoffs: readonly number[], ties: TieRule): GroupMetrics[] {
  if (!isMany(rows)) return groupMetrics(rows, groups, cutoffs, ties);
  const found = groupMetrics({ better: rows.better, tied: rows.tied }, groups, cutoffs, ties);
  const having = rowsOfGroups(groups, rows.relevantEnds);
  return found.map(({ label, rows: interactions, metrics }, group) => ({
    ...{ label, rows: having[group]!, interactions },
    ...(metrics && {
      metrics: Object.fromEntries(Object.entries(metrics).filter(([name]) => name.startsWith('recall@'))),
    }),
  }));
}

/** Metrics by training interactions of the target. */
export function popularityOf(rows: RankedRows, cutoffs: readonly number[], ties: TieRule): GroupMetrics[] {
  return byItem(rows, rangeGroups(rows.targetCounts, rowEdges.popularity), cutoffs, ties);
}

/**
 * Metrics by training interactions of the target, length of the history, and modalities of the target, as far as rows
 * tell. Where rows have several relevant items, groups of items count those: recall is the share of them that is found.
 */
export function groupsOf(rows: RankedRows, cutoffs: readonly number[], ties: TieRule): RowGroups[] {
  if (rows.impressions) return impressionGroups(rows.impressions);
  const { historyLengths, modalities, modalityNames } = rows;
  const lengths = isMany(rows) ? [0, ...rowEdges.historyLength] : rowEdges.historyLength;
  return [
    { title: 'training interactions of the item', groups: popularityOf(rows, cutoffs, ties) },
    ...(historyLengths
      ? [
          {
            title: 'length of the history',
            groups: groupMetrics(rows, rangeGroups(historyLengths, lengths), cutoffs, ties),
          },
        ]
      : []),
    ...(modalities && modalityNames.length > 0
      ? [
          {
            title: 'modalities of the item',
            groups: byItem(rows, maskGroups(modalityNames, modalities), cutoffs, ties),
          },
        ]
      : []),
  ];
}

/** A metric's name, marked where candidates are a sample. */
export function markedMetric({ sampled }: RankedRows, metric: string): string {
  return sampled !== undefined && !metric.startsWith('sampled-') ? `sampled-${metric}` : metric;
}

/** A metric of every row by its name, those beyond accuracy among them where lists were kept. */
export function valuesOf(rows: RankedRows, name: string, ties: TieRule): Float64Array {
  const own = rows.impressions?.values[name] ?? rows.impressions?.aspects?.[name];
  if (own) return Float64Array.from(own);
  const { family, k } = metricName(name);
  const novelty = noveltyMetrics.find((metric) => metric === family);
  if (!novelty || k === undefined) return rowValues(rows, name, ties);
  const lists = listsOf(rows);
  if (!lists || !rows.training)
    throw new RangeError(`${name} needs the lists of the rows, which were not kept`);
  return noveltyValues(lists, novelty, rows.training, k);
}

/** The metrics of rows, those beyond accuracy among them where lists were kept and are long enough. */
export function metricsOf(
  rows: RankedRows,
  cutoffs: readonly number[],
  ties: TieRule,
): Record<string, number> {
  if (rows.impressions) return { ...summariseImpressions(rows.impressions).means };
  const lists = listsOf(rows);
  const within = cutoffs.filter((k) => k <= (lists?.depth ?? Infinity));
  return {
    ...rankingMetrics(rows, cutoffs, undefined, ties),
    ...(lists && rows.training && beyondAccuracy(lists, rows.training, within)),
  };
}
