import { rankingMetrics, rowCount, type RowResults } from './rowValues.ts';
import type { TieRule } from './places.ts';

/** A partition of rows. */
export interface Groups {
  /** Names of the groups, in the order they are shown. */
  labels: string[];
  /** Group of each row; Int32 [R]. */
  index: Int32Array;
}

/** Metrics of one group of rows. */
export interface GroupMetrics {
  /** The group's name. */
  label: string;
  /** How many rows it has; of a group of relevant items, how many rows have any of them. */
  rows: number;
  /** Of a group of relevant items, of which a row may have several: how many it has, which its metrics are means over. */
  interactions?: number;
  /** As in {@link rankingMetrics}; absent for a group without rows. */
  metrics?: Record<string, number>;
}

/**
 * Metrics of every group of a partition.
 *
 * @param ranks - Of R rows.
 * @param groups - A partition of the same R rows.
 * @param k - Cutoffs. Default 10 and 50.
 * @throws RangeError when ranks and groups have different lengths.
 */
export function groupMetrics(
  ranks: RowResults,
  groups: Groups,
  k: readonly number[] = [10, 50],
  ties: TieRule = 'mid-rank',
): GroupMetrics[] {
  const count = rowCount(ranks);
  if (count !== groups.index.length)
    throw new RangeError(
      `groupMetrics: groups must have one entry per rank (${count}), got ${groups.index.length}`,
    );
  return groups.labels.map((label, group) => {
    const mask = groups.index.map((own) => (own === group ? 1 : 0));
    const rows = mask.reduce((sum, one) => sum + one, 0);
    return rows > 0 ? { label, rows, metrics: rankingMetrics(ranks, k, mask, ties) } : { label, rows };
  });
}

/**
 * How many rows have a relevant item in each group.
 *
 * @param groups - A partition of the relevant items of R rows.
 * @param relevantEnds - End of each row's relevant items; [R].
 */
export function rowsOfGroups({ labels, index }: Groups, relevantEnds: Int32Array): number[] {
  const rows = labels.map(() => 0);
  for (const [row, end] of relevantEnds.entries())
    for (const group of new Set(index.subarray(relevantEnds[row - 1] ?? 0, end))) rows[group]!++;
  return rows;
}

/**
 * Groups whole numbers into ranges.
 *
 * @param values - [R], none below the first edge.
 * @param edges - Increasing lower ends of the groups: [0, 1, 5, 20] makes `0`, `1-4`, `5-19` and `20+`; [0,
 * 5] makes `<5` and `5+`.
 * @throws RangeError for edges that do not increase and for a value below the first.
 */
export function rangeGroups(values: ArrayLike<number>, edges: readonly number[]): Groups {
  if (edges.length === 0 || edges.some((edge, at) => at > 0 && edge <= edges[at - 1]!))
    throw new RangeError(`rangeGroups: edges must increase, got [${edges.join(', ')}]`);
  const labels = edges.map((edge, at) => {
    const next = edges[at + 1];
    if (next === undefined) return `${edge}+`;
    if (next === edge + 1) return `${edge}`;
    return at === 0 && edge === 0 ? `<${next}` : `${edge}-${next - 1}`;
  });
  const index = Int32Array.from(values, (value) => {
    if (!(value >= edges[0]!))
      throw new RangeError(`rangeGroups: values must be at least ${edges[0]!}, got ${value}`);
    return edges.findLastIndex((edge) => value >= edge);
  });
  return { labels, index };
}

/**
 * Rows by what each has of a few named things, such as `text+image`, `text` and `none`; combinations that do not occur
 * are left out.
 *
 * @param names - What there is to have.
 * @param codes - Bit m says whether the row has `names[m]`; [R].
 */
export function maskGroups(names: readonly string[], codes: ArrayLike<number>): Groups {
  // Complete rows first, then by falling number, in the order they were named.
  const size = (code: number): number => names.filter((_, m) => (code >> m) & 1).length;
  const kinds = [...new Set(Array.from(codes))].sort((a, b) => size(b) - size(a) || a - b);
  return {
    labels: kinds.map((code) => names.filter((_, m) => (code >> m) & 1).join('+') || 'none'),
    index: Int32Array.from(codes, (code) => kinds.indexOf(code)),
  };
}
