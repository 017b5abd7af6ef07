/** Options of {@link midRanks}. */
export interface MidRankOptions {
  /** N: items; a row of scores has N+1 entries, entry 0 (padding) being ignored. */
  count: number;
  /** The relevant item 1..N of each row; [B]. */
  targets: Int32Array;
  /**
   * Items of each row that are not candidates, 0 = none; [B*X] with any X. Repeats are allowed; the target
   * stays a candidate even where it is listed.
   */
  masked?: Int32Array | undefined;
}

/**
 * Rank of each row's target among all items, ties by mid-rank: 1 + (items with a higher score) + (other items
 * with an equal score) / 2.
 *
 * @param scores - [B*(N+1)], row after row; -Infinity is allowed.
 * @returns ranks [B], from 1.
 * @throws RangeError for arrays of the wrong length, a target outside 1..N or a score that is not a number.
 */
export function midRanks(scores: Float32Array | Float64Array, options: MidRankOptions): Float32Array {
  const { count, targets, masked } = options;
  const rows = targets.length;
  const columns = count + 1;
  if (scores.length !== rows * columns)
    throw new RangeError(`midRanks: scores must hold B*(N+1)=${rows * columns} values, got ${scores.length}`);
  checkTargets('midRanks', targets, count);
  const kept = masked && distinctMasked(masked, targets, count);
  const width = kept ? kept.length / rows : 0;
  return Float32Array.from(targets, (target, b) => {
    const row = scores.subarray(b * columns, (b + 1) * columns);
    const own = row[target]!;
    let greater = 0;
    let equal = 0;
    let less = 0;
    const tally = (score: number, step: number): void => {
      if (score > own) greater += step;
      else if (score < own) less += step;
      else if (score === own) equal += step;
    };
    for (let i = 1; i < columns; i++) tally(row[i]!, 1);
    if (greater + equal + less !== count)
      throw new RangeError(`midRanks: scores must be numbers, got NaN in row ${b}`);
    for (let x = 0; x < width; x++) {
      const item = kept![b * width + x]!;
      if (item > 0) tally(row[item]!, -1);
    }
    return 1 + greater + (equal - 1) / 2;
  });
}

/** Throws unless every target is an item number. */
export function checkTargets(caller: string, targets: Int32Array, count: number): void {
  for (const [b, target] of targets.entries())
    if (target < 1 || target > count)
      throw new RangeError(`${caller}: targets must be in 1..${count}, got ${target} in row ${b}`);
}

/**
 * Lists to mask, with repeats and the row's own target replaced by 0: each remaining entry can be subtracted
 * once.
 *
 * @param masked - [B*X] item numbers, 0 = none.
 * @param targets - [B].
 * @param count - N.
 * @returns a new array [B*X].
 */
export function distinctMasked(masked: Int32Array, targets: Int32Array, count: number): Int32Array {
  const rows = targets.length;
  const width = masked.length / rows;
  if (!Number.isInteger(width))
    throw new RangeError(
      `distinctMasked: masked must hold the same number of items for each of ${rows} rows, got ${masked.length}`,
    );
  // The last row that listed an item, so nothing needs clearing between rows.
  const lastSeen = new Int32Array(count + 1).fill(-1);
  return masked.map((item, at) => {
    const b = Math.floor(at / width);
    if (item < 0 || item > count)
      throw new RangeError(`distinctMasked: items must be in 0..${count}, got ${item} in row ${b}`);
    if (item === 0 || item === targets[b] || lastSeen[item] === b) return 0;
    lastSeen[item] = b;
    return item;
  });
}
