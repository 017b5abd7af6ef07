import type { Rows } from '@ferry/data';

/** The same rows with histories cut to their latest items: what lies before the last `positions` is not seen. */
export function latestItems(rows: Rows, positions: number): Rows {
  return { ...rows, starts: rows.starts.map((start, r) => Math.max(start, rows.ends[r]! - positions)) };
}

/** Lengths of the histories. */
export function historyLengths(rows: Rows): Int32Array {
  return rows.starts.map((start, r) => rows.ends[r]! - start);
}

/** Length of the longest history. */
export function longestHistory(rows: Rows): number {
  return historyLengths(rows).reduce((a, b) => Math.max(a, b), 1);
}

/**
 * Every training interaction of each user as a row: the item, and the history before it, which is empty for the first.
 *
 * @param rows - Prefixes; a user's have one start.
 */
export function everyInteraction(rows: Rows): Rows {
  const whole = wholeSequences(rows);
  const count = whole.targets.reduce((sum, _, r) => sum + whole.ends[r]! - whole.starts[r]! + 1, 0);
  const all = {
    users: new Int32Array(count),
    targets: new Int32Array(count),
    starts: new Int32Array(count),
    ends: new Int32Array(count),
  };
  let at = 0;
  whole.targets.forEach((target, r) => {
    const [start, end] = [whole.starts[r]!, whole.ends[r]!];
    for (let l = start; l <= end; l++, at++) {
      all.users[at] = whole.users[r]!;
      all.starts[at] = start;
      all.ends[at] = l;
      all.targets[at] = l < end ? rows.items[l]! : target;
    }
  });
  return { ...all, items: rows.items };
}

/**
 * The longest row of each user alone: with its target, the user's whole training sequence.
 *
 * @param rows - Prefixes; a user's have one start.
 */
export function wholeSequences(rows: Rows): Rows {
  const longest = new Map<number, number>();
  rows.users.forEach((user, r) => {
    const known = longest.get(user);
    if (known === undefined || rows.ends[r]! > rows.ends[known]!) longest.set(user, r);
  });
  const picked = Int32Array.from(longest.values());
  const pick = (values: Int32Array): Int32Array => picked.map((r) => values[r]!);
  return {
    users: pick(rows.users),
    targets: pick(rows.targets),
    items: rows.items,
    starts: pick(rows.starts),
    ends: pick(rows.ends),
  };
}

/** The first row of each user, whose history is what came before all that is held out with it. */
export function firstOfUsers(rows: Rows): Rows {
  const first = new Set<number>();
  const kept = Int32Array.from(rows.users.keys()).filter((row) => {
    const fresh = !first.has(rows.users[row]!);
    first.add(rows.users[row]!);
    return fresh;
  });
  const pick = (values: Int32Array): Int32Array => kept.map((row) => values[row]!);
  return {
    items: rows.items,
    users: pick(rows.users),
    targets: pick(rows.targets),
    starts: pick(rows.starts),
    ends: pick(rows.ends),
  };
}
