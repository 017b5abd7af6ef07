/**
 * Which points take part in a clustering, and which stand for others. Letters: T points, D width, P points
 * used.
 */
export interface PointSelection {
  /** Row numbers of the points used, ascending; [P]. */
  rows: Int32Array;
  /**
   * For every point the position in `rows` of the point that stands for it, or -1 where it is left out; [T].
   */
  owner: Int32Array;
  /** The points used, row after row; [P*D]. */
  values: Float32Array;
}

/** Hash of one row's bits (FNV-1a over 32-bit words; -0 counts as 0). */
function hashRow(words: Int32Array, start: number, width: number): number {
  let hash = 0x811c9dc5;
  for (let d = start; d < start + width; d++) {
    const word = words[d]!;
    hash = Math.imul(hash ^ (word === -0x80000000 ? 0 : word), 0x01000193);
  }
  return hash;
}

function sameRow(values: Float32Array, a: number, b: number, width: number): boolean {
  for (let d = 0; d < width; d++) if (values[a * width + d] !== values[b * width + d]) return false;
  return true;
}

/**
 * Checks a set of points and picks those that take part.
 *
 * @param caller - Function name for error messages.
 * @param points - [T*D], row after row.
 * @param options - `width` is D; `include` [T] has 0 for points left out; `merge` lets the first of equal
 * points stand for all.
 * @throws RangeError for a wrong length, a width below 1, a non-finite value among the points used, or no
 * point left.
 */
export function selectPoints(
  caller: string,
  points: Float32Array,
  options: { width: number; include?: Uint8Array; merge: boolean },
): PointSelection {
  const { width, include, merge } = options;
  if (!Number.isInteger(width) || width < 1)
    throw new RangeError(`${caller}: width must be a positive integer, got ${width}`);
  if (points.length === 0 || points.length % width !== 0)
    throw new RangeError(
      `${caller}: points must hold a positive number of rows of ${width} values, got ${points.length} values`,
    );
  const total = points.length / width;
  if (include && include.length !== total)
    throw new RangeError(
      `${caller}: include must have one entry per point (${total}), got ${include.length}`,
    );

  const words = new Int32Array(points.buffer, points.byteOffset, points.length);
  const owner = new Int32Array(total).fill(-1);
  const rows = new Int32Array(total);
  const seen = new Map<number, number[]>();
  let used = 0;
  for (let t = 0; t < total; t++) {
    if (include?.[t] === 0) continue;
    for (let d = t * width; d < (t + 1) * width; d++)
      if (!Number.isFinite(points[d]))
        throw new RangeError(`${caller}: points must be finite, got ${points[d]!} in row ${t}`);
    if (merge) {
      const hash = hashRow(words, t * width, width);
      const candidates = seen.get(hash);
      const twin = candidates?.find((position) => sameRow(points, rows[position]!, t, width));
      if (twin !== undefined) {
        owner[t] = twin;
        continue;
      }
      if (candidates) candidates.push(used);
      else seen.set(hash, [used]);
    }
    rows[used] = t;
    owner[t] = used++;
  }
  if (used === 0)
    throw new RangeError(`${caller}: at least one point must be included, got none of ${total}`);

  const values = used === total ? points : new Float32Array(used * width);
  if (values !== points)
    for (let p = 0; p < used; p++)
      values.set(points.subarray(rows[p]! * width, (rows[p]! + 1) * width), p * width);
  return { rows: rows.slice(0, used), owner, values };
}

/** Throws unless `value` is an integer of at least 1. */
export function requirePositive(caller: string, name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`${caller}: ${name} must be a positive integer, got ${value}`);
}

/**
 * Mean vectors of the groups of an assignment; empty groups keep zero. `epsilon` is added to every group's
 * size.
 */
export function groupMeans(
  points: Float32Array,
  options: { width: number; count: number; assignment: Int32Array; epsilon?: number },
): { means: Float32Array; sizes: Int32Array } {
  const { width, count, assignment, epsilon = 0 } = options;
  const sums = new Float64Array(count * width);
  const sizes = new Int32Array(count);
  assignment.forEach((group, t) => {
    if (group < 0) return;
    sizes[group]!++;
    for (let d = 0; d < width; d++) sums[group * width + d]! += points[t * width + d]!;
  });
  const means = new Float32Array(count * width);
  for (let group = 0; group < count; group++)
    if (sizes[group]! > 0)
      for (let d = 0; d < width; d++)
        means[group * width + d] = sums[group * width + d]! / (sizes[group]! + epsilon);
  return { means, sizes };
}
