import type { Rows } from '@ferry/data';

/**
 * Item lists of any length as one rectangle: each list without repeats, without the row's own target, padded with 0 to
 * a common width of which there are few (4, 8, 16, …), so that compiled shapes stay few.
 *
 * @param lists - Item numbers that are no candidates, for each of B rows.
 * @param targets - [B]; a row's target always stays a candidate.
 * @param count - N.
 * @returns int32 [B*X], row after row.
 * @throws RangeError for an item outside 1..N.
 */
export function exclusionLists(
  lists: readonly ArrayLike<number>[],
  targets: Int32Array,
  count: number,
): Int32Array {
  // The last row that listed an item, so nothing needs clearing between rows.
  const lastSeen = new Int32Array(count + 1).fill(-1);
  const kept = lists.map((list, b) => {
    const items: number[] = [];
    for (let i = 0; i < list.length; i++) {
      const item = list[i]!;
      if (!(item >= 1 && item <= count))
        throw new RangeError(`exclusionLists: items must be in 1..${count}, got ${item} in row ${b}`);
      if (item === targets[b] || lastSeen[item] === b) continue;
      lastSeen[item] = b;
      items.push(item);
    }
    return items;
  });
  const longest = kept.reduce((most, items) => Math.max(most, items.length), 0);
  const width = 2 ** Math.max(2, Math.ceil(Math.log2(longest)));
  const rectangle = new Int32Array(lists.length * width);
  for (const [b, items] of kept.entries()) rectangle.set(items, b * width);
  return rectangle;
}

/** The items of a row's history. */
export function historyOf(rows: Rows, row: number): Int32Array {
  return rows.items.subarray(rows.starts[row], rows.ends[row]);
}
