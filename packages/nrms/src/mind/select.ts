import { IntList } from '@ferry/data';
import type { Impressions, News } from './types.ts';

/** 1 for each news that has a title or an abstract; [N + 1]. */
export function textMask({ titles, abstracts }: News): Uint8Array {
  return Uint8Array.from(titles, (title, number) => (title !== '' || abstracts[number] !== '' ? 1 : 0));
}

/** Values at some places, of the same kind. */
function taken<T extends Int32Array | Float64Array>(values: T, places: ArrayLike<number>): T {
  const all = values.slice(0, places.length);
  for (let at = 0; at < places.length; at++) all[at] = values[places[at]!]!;
  return all as T;
}

/** Some of the impressions, in the order in which they are named, 0..R-1; histories are shared, not copied. */
export function selectImpressions(impressions: Impressions, rows: ArrayLike<number>): Impressions {
  const { offsets } = impressions.candidates;
  const places = new IntList();
  const ends = new Int32Array(rows.length + 1);
  for (let row = 0; row < rows.length; row++) {
    for (let at = offsets[rows[row]!]!; at < offsets[rows[row]! + 1]!; at++) places.push(at);
    ends[row + 1] = places.length;
  }
  return {
    ...impressions,
    count: rows.length,
    ids: taken(impressions.ids, rows),
    users: taken(impressions.users, rows),
    times: taken(impressions.times, rows),
    historyStarts: taken(impressions.historyStarts, rows),
    historyEnds: taken(impressions.historyEnds, rows),
    ...candidatesAt(impressions, places.view(), ends),
  };
}

/** Candidates and labels at some places. */
function candidatesAt(
  { candidates, labels }: Impressions,
  places: Int32Array,
  offsets: Int32Array,
): Pick<Impressions, 'candidates' | 'labels'> {
  return {
    candidates: { offsets, values: places.map((at) => candidates.values[at]!) },
    ...(labels ? { labels: Uint8Array.from(places, (at) => labels[at]!) } : {}),
  };
}

/** The same impressions without histories of nobody's: those that {@link selectImpressions} shares with all others. */
export function withOwnHistories(impressions: Impressions): Impressions {
  const { history, historyStarts, historyEnds } = impressions;
  const own = new IntList();
  // Where the longest history that starts at a click was copied to: those that end sooner are a part of it.
  const longest = new Int32Array(history.length);
  historyStarts.forEach((start, row) => {
    longest[start] = Math.max(longest[start] ?? 0, historyEnds[row]! - start);
  });
  const places = new Int32Array(history.length).fill(-1);
  const starts = historyStarts.map((start, row) => {
    if (historyEnds[row] === start) return 0;
    if (places[start]! < 0) {
      places[start] = own.length;
      for (let at = start; at < start + longest[start]!; at++) own.push(history[at]!);
    }
    return places[start]!;
  });
  const ends = starts.map((start, row) => start + historyEnds[row]! - historyStarts[row]!);
  return { ...impressions, history: own.toArray(), historyStarts: starts, historyEnds: ends };
}

/** Several arrays one behind the other; to the values of each `added` may add a number. */
function joined<T extends Int32Array | Float64Array | Uint8Array>(
  arrays: readonly T[],
  added?: readonly number[],
): T {
  const size = arrays.reduce((sum, { length }) => sum + length, 0);
  const all = new (arrays[0]!.constructor as new (size: number) => T)(size);
  let at = 0;
  for (const [a, array] of arrays.entries()) {
    const more = added?.[a] ?? 0;
    all.set(more === 0 ? array : array.map((value) => value + more), at);
    at += array.length;
  }
  return all;
}

/** Impressions of several splits, one at least, as one log in the order of the splits; with labels if all have them. */
export function joinImpressions(splits: readonly Impressions[]): Impressions {
  /** What lies in front of each split, counted by `size`. */
  const before = (size: (own: Impressions) => number): number[] => {
    let sum = 0;
    return splits.map((own) => (sum += size(own)) - size(own));
  };
  const of = <T extends Int32Array | Float64Array | Uint8Array>(
    pick: (own: Impressions) => T,
    size?: (own: Impressions) => number,
  ): T => joined(splits.map(pick), size && before(size));
  const clicks = (own: Impressions): number => own.history.length;
  const ends = of(
    ({ candidates }) => candidates.offsets.subarray(1),
    ({ candidates }) => candidates.values.length,
  );
  return {
    source: splits.map(({ source }) => source).join(', '),
    count: ends.length,
    ids: of(({ ids }) => ids),
    users: of(({ users }) => users),
    times: of(({ times }) => times),
    history: of(({ history }) => history),
    historyStarts: of(({ historyStarts }) => historyStarts, clicks),
    historyEnds: of(({ historyEnds }) => historyEnds, clicks),
    candidates: {
      offsets: joined([new Int32Array(1), ends]),
      values: of(({ candidates }) => candidates.values),
    },
    ...(splits.every(({ labels }) => labels) && { labels: of(({ labels }) => labels!) }),
  };
}

/**
 * The same impressions without some news, in histories and among candidates: those that a model of texts cannot know,
 * for example. An impression may be left without candidates.
 *
 * @param keep - 1 for news that stay; [N + 1].
 */
export function withoutOtherNews(impressions: Impressions, keep: ArrayLike<number>): Impressions {
  const { candidates, history, count } = impressions;
  // Numbers of kept entries before each entry: histories may be shared and lie in any order.
  const before = new Int32Array(history.length + 1);
  for (let at = 0; at < history.length; at++)
    before[at + 1] = before[at]! + (keep[history[at]!]! > 0 ? 1 : 0);
  const places = new IntList();
  const offsets = new Int32Array(count + 1);
  for (let row = 0; row < count; row++) {
    for (let at = candidates.offsets[row]!; at < candidates.offsets[row + 1]!; at++)
      if (keep[candidates.values[at]!]! > 0) places.push(at);
    offsets[row + 1] = places.length;
  }
  return {
    ...impressions,
    history: history.filter((number) => keep[number]! > 0),
    historyStarts: impressions.historyStarts.map((at) => before[at]!),
    historyEnds: impressions.historyEnds.map((at) => before[at]!),
    ...candidatesAt(impressions, places.view(), offsets),
  };
}

/** Impressions that have both a clicked candidate and another: those that anything can be learnt from or measured by. */
export function decidableRows({ candidates, labels, count }: Impressions): Int32Array {
  const rows = new IntList();
  for (let row = 0; row < count; row++) {
    let clicks = 0;
    const [from, to] = [candidates.offsets[row]!, candidates.offsets[row + 1]!];
    for (let at = from; at < to; at++) clicks += labels?.[at] ?? 0;
    if (clicks > 0 && clicks < to - from) rows.push(row);
  }
  return rows.toArray();
}

/**
 * Splits impressions by time: the earliest into the first part, and so on. Impressions of one time stay in one part, in
 * the order of the file.
 *
 * @param shares - Of each part, such as { train: 0.8, dev: 0.1, test: 0.1 }; they sum to 1.
 * @throws RangeError for shares that do not.
 */
export function splitByTime<Part extends string>(
  impressions: Impressions,
  shares: Readonly<Record<Part, number>>,
): Record<Part, Impressions> {
  const parts = Object.entries<number>(shares);
  const sum = parts.reduce((total, [, share]) => total + share, 0);
  if (parts.some(([, share]) => !(share > 0)) || Math.abs(sum - 1) > 1e-9)
    throw new RangeError(`splitByTime: shares must be above 0 and sum to 1, got ${JSON.stringify(shares)}`);
  const { times, count } = impressions;
  const order = Int32Array.from(times.keys()).sort((a, b) => times[a]! - times[b]! || a - b);
  let [start, covered] = [0, 0];
  const found = parts.map(([name, share]) => {
    covered += share;
    let end = Math.min(count, Math.round(covered * count));
    while (end > start && end < count && times[order[end]!] === times[order[end - 1]!]) end++;
    const rows = order.slice(start, end);
    start = Math.max(start, end);
    return [name, selectImpressions(impressions, rows)] as const;
  });
  return Object.fromEntries(found) as Record<Part, Impressions>;
}
