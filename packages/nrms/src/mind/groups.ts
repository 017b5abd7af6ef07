import { rangeGroups, type Groups } from '@ferry/evaluation';
import { summariseParts, type ImpressionMetrics, type ImpressionSummary } from './metrics.ts';
import type { Impressions, News } from './types.ts';

/** A group's name and its means. */
export interface ImpressionGroup extends ImpressionSummary {
  /** The group's name. */
  readonly label: string;
}

/**
 * Means by group, in the order of the groups; those without an impression that counts have NaN.
 *
 * @throws RangeError unless there is one group for each impression.
 */
export function summariseGroups(results: ImpressionMetrics, { labels, index }: Groups): ImpressionGroup[] {
  if (index.length !== results.tied.length)
    throw new RangeError(
      `summariseGroups: groups must have one entry for each of ${results.tied.length} impressions, got ${index.length}`,
    );
  const parts = summariseParts(results, labels.length, index);
  return labels.map((label, group) => ({ label, ...parts[group]! }));
}

/** Impressions by what is known of their users: nothing clicked before; clicks before, but not in training; in training. */
export function coldUserGroups(impressions: Impressions, training?: Impressions): Groups {
  const trained = new Set(training?.users);
  const { users, historyStarts, historyEnds } = impressions;
  return {
    labels: ['no history', 'new user', 'known user'],
    index: users.map((user, row) =>
      historyStarts[row] === historyEnds[row] ? 0 : trained.has(user) ? 2 : 1,
    ),
  };
}

/** Clicked news of each impression, through a callback. */
function eachClick(
  { candidates, labels, count }: Impressions,
  visit: (row: number, news: number) => void,
): void {
  for (let row = 0; row < count; row++)
    for (let at = candidates.offsets[row]!; at < candidates.offsets[row + 1]!; at++)
      if (labels?.[at]) visit(row, candidates.values[at]!);
}

/**
 * Impressions by whether training has shown the news that were clicked, or had them in a history: `new news` where it
 * has not for one of them.
 */
export function coldNewsGroups(impressions: Impressions, training: Impressions): Groups {
  const seen = new Set(training.history);
  for (const number of training.candidates.values) seen.add(number);
  const index = new Int32Array(impressions.count);
  eachClick(impressions, (row, news) => {
    if (!seen.has(news)) index[row] = 1;
  });
  return { labels: ['known news', 'new news'], index };
}

/**
 * Impressions by the category of what was clicked: `several` where the clicks have more than one, `none` where none has
 * any.
 */
export function categoryGroups(impressions: Impressions, { categories, categoryNames }: News): Groups {
  const several = categoryNames.length;
  const index = new Int32Array(impressions.count);
  eachClick(impressions, (row, news) => {
    const own = categories[news]!;
    if (own === 0) return;
    index[row] = index[row] === 0 || index[row] === own ? own : several;
  });
  return { labels: ['none', ...categoryNames.slice(1), 'several'], index };
}

/** Impressions by the hour of the day, on the file's clock. */
export function hourGroups({ times }: Impressions): Groups {
  return {
    labels: Array.from({ length: 24 }, (_, hour) => `${String(hour).padStart(2, '0')}:00`),
    index: Int32Array.from(times, (time) => Math.floor(time / 3600) % 24),
  };
}

/** Impressions by the length of their history; edges as in `rangeGroups` of evaluation. */
export function clickCountGroups(
  { historyStarts, historyEnds }: Impressions,
  edges: readonly number[] = [0, 1, 5, 10, 20, 50],
): Groups {
  return rangeGroups(
    historyEnds.map((end, row) => end - historyStarts[row]!),
    edges,
  );
}
