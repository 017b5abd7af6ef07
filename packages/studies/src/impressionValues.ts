import type { GroupMetrics, Groups } from '@ferry/evaluation';
import type { RowArray, RowFile } from '@ferry/training';

/** What impressions got, one by one. Shape letter: R impressions. */
export interface ImpressionValues {
  /**
   * By metric, such as `auc`; NaN for impressions that do not count, because all or none of their news were clicked.
   * [R] each.
   */
  readonly values: Readonly<Record<string, Float32Array>>;
  /** 1 where the rule for ties decides. [R] */
  readonly tied: Uint8Array;
  /** The rule for ties. */
  readonly ties: string;
  /** What they can be grouped by; [R] each. */
  readonly groupings: readonly (Groups & {
    /** What the groups are of. */
    readonly title: string;
  })[];
}

/** Means over the impressions that count. */
export function impressionMeans(
  { values }: Pick<ImpressionValues, 'values'>,
  counts: (row: number) => boolean = () => true,
): Record<string, number> {
  const [first] = Object.values(values);
  const rows = Array.from(first!.keys()).filter((row) => !Number.isNaN(first![row]) && counts(row));
  const mean = (all: ArrayLike<number>): number =>
    rows.reduce((sum, row) => sum + all[row]!, 0) / rows.length;
  return Object.fromEntries(Object.entries(values).map(([name, all]) => [name, mean(all)]));
}

/** Share of the impressions that count which the rule for ties decides. */
export function tiedShare({ values, tied }: ImpressionValues): number {
  const [first] = Object.values(values);
  const counting = Array.from(tied).filter((_, row) => !Number.isNaN(first![row]));
  return counting.reduce((sum, own) => sum + own, 0) / counting.length;
}

/** Means by group. */
export function impressionGroups(own: ImpressionValues): { title: string; groups: GroupMetrics[] }[] {
  const [first] = Object.values(own.values);
  return own.groupings.map(({ title, labels, index }) => ({
    title,
    groups: labels.map((label, group): GroupMetrics => {
      const of = (row: number): boolean => index[row] === group;
      const rows = index.reduce(
        (count, _, row) => count + (of(row) && !Number.isNaN(first![row]) ? 1 : 0),
        0,
      );
      return { label, rows, ...(rows > 0 && { metrics: impressionMeans(own, of) }) };
    }),
  }));
}

/** As arrays and texts of a row file. */
export function storedImpressions({ values, tied, ties, groupings }: ImpressionValues): RowFile {
  const arrays: Record<string, RowArray> = { tiesDecide: tied };
  for (const [name, all] of Object.entries(values)) arrays[`value.${name}`] = all;
  groupings.forEach(({ index }, i) => (arrays[`group.${i}`] = index));
  const titles = groupings.map(({ title, labels }) => ({ title, labels }));
  return { arrays, meta: { tieRule: ties, groupings: JSON.stringify(titles) } };
}

/** Takes back what {@link storedImpressions} gave; undefined for rows of other kinds. */
export function impressionsIn({ arrays, meta }: RowFile): ImpressionValues | undefined {
  const { tieRule: ties, groupings } = meta;
  if (ties === undefined || groupings === undefined) return undefined;
  const titles = JSON.parse(groupings) as { title: string; labels: string[] }[];
  const values = Object.entries(arrays).flatMap(([name, all]) =>
    name.startsWith('value.') ? [[name.slice('value.'.length), all as Float32Array] as const] : [],
  );
  return {
    values: Object.fromEntries(values),
    tied: arrays['tiesDecide'] as Uint8Array,
    ties,
    groupings: titles.map((each, i) => ({ ...each, index: arrays[`group.${i}`] as Int32Array })),
  };
}
