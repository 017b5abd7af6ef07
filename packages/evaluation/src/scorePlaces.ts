import type { Places } from './places.ts';

/** Options of {@link scorePlaces}. */
export interface ScorePlacesOptions {
  /** N: items; a row of scores has N+1 entries, entry 0 (padding) being ignored. */
  count: number;
  /** The relevant item 1..N of each row; [B]. */
  targets: Int32Array;
  /**
   * Items of each row that are not candidates, 0 = none; [B*X] with any X. Repeats are allowed; the target
   * stays a candidate even where it is listed.
   */
  masked?: Int32Array;
}

/**
 * Where each row's target stands among all items.
 *
 * @param scores - [B*(N+1)], row after row; -Infinity is allowed.
 * @returns counts [B].
 * @throws RangeError for arrays of the wrong length, a target outside 1..N or a score that is not a number.
 */
export function scorePlaces(scores: Float32Array | Float64Array, options: ScorePlacesOptions): Places {
  const { count, targets, masked } = options;
  const rows = targets.length;
  const columns = count + 1;
  if (scores.length !== rows * columns)
    throw new RangeError(
      `scorePlaces: scores must hold B*(N+1)=${rows * columns} values, got ${scores.length}`,
    );
  for (const [b, target] of targets.entries())
    if (target < 1 || target > count)
      throw new RangeError(`scorePlaces: targets must be in 1..${count}, got ${target} in row ${b}`);
  const kept = masked && distinctMasked(masked, targets, count);
  const width = kept ? kept.length / rows : 0;
  const places = { better: new Int32Array(rows), tied: new Int32Array(rows) };
  for (const [b, target] of targets.entries()) {
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
      throw new RangeError(`scorePlaces: scores must be numbers, got NaN in row ${b}`);
    for (let x = 0; x < width; x++) {
      const item = kept![b * width + x]!;
      if (item > 0) tally(row[item]!, -1);
    }
    places.better[b] = greater;
    places.tied[b] = equal - 1;
  }
  return places;
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
function distinctMasked(masked: Int32Array, targets: Int32Array, count: number): Int32Array {
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
