import type { GroupMetrics, Groups } from '@ferry/evaluation';
import { summariseGroups, type DroppedImpressions } from '@ferry/nrms';
import type { RowArray, RowFile } from '@ferry/training';

/** What impressions got, one by one. Shape letter: R impressions. */
export interface ImpressionValues {
  /**
   * By metric, such as `auc`; NaN for impressions that do not count, because all or none of their news were clicked.
   * [R] each.
   */
  readonly values: Readonly<Record<string, Float32Array>>;
  /** The same by the corrected evaluator, where a defect of the measurement was on. */
  readonly corrected?: Readonly<Record<string, Float32Array>>;
  /** 1 where the rule for ties decides. [R] */
  readonly tied: Uint8Array;
  /**
   * What the first ten candidates say about categories: `diversity@10`, `miscalibration@10`, `overlap@10` (see
   * `categoryAspects` of nrms), where news have categories; NaN where there is nothing to say. [R] each.
   */
  readonly aspects?: Readonly<Record<string, Float32Array>>;
  /** The rule for ties. */
  readonly ties: string;
  /** What they can be grouped by; [R] each. */
  readonly groupings: readonly (Groups & {
    /** What the groups are of. */
    readonly title: string;
  })[];
}

/** Means by group. */
export function impressionGroups(own: ImpressionValues): { title: string; groups: GroupMetrics[] }[] {
  return own.groupings.map(({ title, ...groups }) => ({
    title,
    groups: summariseGroups(own, groups).map(({ label, impressions, means }): GroupMetrics => ({
      label,
      rows: impressions,
      ...(impressions > 0 && { metrics: { ...means } }),
    })),
  }));
}

/** Why impressions do not count, from how many candidates each shows and how many of them were clicked. */
export function droppedOf({
  candidates,
  relevantEnds,
}: {
  readonly candidates?: ArrayLike<number>;
  readonly relevantEnds?: Int32Array;
}): DroppedImpressions {
  const dropped: DroppedImpressions = { empty: 0, unclicked: 0, allClicked: 0 };
  relevantEnds?.forEach((end, row) => {
    const [shown, clicked] = [candidates![row]!, end - (relevantEnds[row - 1] ?? 0)];
    if (shown === 0) dropped.empty++;
    else if (clicked === 0) dropped.unclicked++;
    else if (clicked === shown) dropped.allClicked++;
  });
  return dropped;
}

/** As arrays and texts of a row file. */
export function storedImpressions(own: ImpressionValues): RowFile {
  const { values, corrected = {}, aspects = {}, tied, ties, groupings } = own;
  const arrays: Record<string, RowArray> = { tiesDecide: tied };
  for (const [name, all] of Object.entries(values)) arrays[`value.${name}`] = all;
  for (const [name, all] of Object.entries(corrected)) arrays[`corrected.${name}`] = all;
  for (const [name, all] of Object.entries(aspects)) arrays[`aspect.${name}`] = all;
  groupings.forEach(({ index }, i) => (arrays[`group.${i}`] = index));
  const titles = groupings.map(({ title, labels }) => ({ title, labels }));
  return { arrays, meta: { tieRule: ties, groupings: JSON.stringify(titles) } };
}

/** Takes back what {@link storedImpressions} gave; undefined for rows of other kinds. */
export function impressionsIn({ arrays, meta }: RowFile): ImpressionValues | undefined {
  const { tieRule: ties, groupings } = meta;
  if (ties === undefined || groupings === undefined) return undefined;
  const titles = JSON.parse(groupings) as { title: string; labels: string[] }[];
  const named = (prefix: string): Record<string, Float32Array> =>
    Object.fromEntries(
      Object.entries(arrays).flatMap(([name, all]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), all as Float32Array] as const] : [],
      ),
    );
  const [corrected, aspects] = [named('corrected.'), named('aspect.')];
  return {
    values: named('value.'),
    ...(Object.keys(corrected).length > 0 && { corrected }),
    ...(Object.keys(aspects).length > 0 && { aspects }),
    tied: arrays['tiesDecide'] as Uint8Array,
    ties,
    groupings: titles.map((each, i) => ({ ...each, index: arrays[`group.${i}`] as Int32Array })),
  };
}
