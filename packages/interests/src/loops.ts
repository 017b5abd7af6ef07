import type { Distances } from './passes.ts';
import { sumOfSmallest } from './select.ts';

/** Doubles in one block of distances: 4 MB. */
const blockValues = 1 << 19;
/**
 * Up to this many points the whole distance matrix (128 MB of doubles) is kept between the first two passes.
 */
const keptPoints = 4096;

interface Rows {
  values: Float64Array;
  norms: Float64Array;
  count: number;
}

function prepare(points: Float32Array, width: number): Rows {
  const values = Float64Array.from(points);
  const count = values.length / width;
  const norms = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let d = i * width; d < (i + 1) * width; d++) sum += values[d]! * values[d]!;
    norms[i] = sum;
  }
  return { values, norms, count };
}

/**
 * Squared distances |a|^2 + |b|^2 - 2ab of rows [from, to) of `a` against the rows [first, b.count) of `b`,
 * into `out` [(to - from) * b.count]. Tiles of 4 x 2 sums stay in registers. Every sum runs over d in the
 * same order as the norms', so equal rows are at exactly 0.
 */
function squaredDistances(
  a: Rows,
  from: number,
  to: number,
  b: Rows,
  first: number,
  width: number,
  out: Float64Array,
): void {
  const x = a.values;
  const y = b.values;
  const columns = b.count;
  const put = (i: number, j: number, dot: number): void => {
    const value = a.norms[i]! + b.norms[j]! - 2 * dot;
    out[(i - from) * columns + j] = value > 0 ? value : 0;
  };
  const dotProduct = (i: number, j: number): number => {
    let dot = 0;
    for (let d = 0; d < width; d++) dot += x[i * width + d]! * y[j * width + d]!;
    return dot;
  };
  // Column panels small enough for the second-level cache are used by all rows before the next panel is read.
  const panel = Math.max(2, 2 * Math.floor(16_000 / width));
  for (let start = first; start < columns; start += panel) {
    const end = Math.min(columns, start + panel);
    let i = from;
    for (; i + 4 <= to; i += 4) {
      const x0 = i * width;
      const x1 = x0 + width;
      const x2 = x1 + width;
      const x3 = x2 + width;
      let j = start;
      for (; j + 2 <= end; j += 2) {
        const y0 = j * width;
        const y1 = y0 + width;
        let s00 = 0;
        let s10 = 0;
        let s20 = 0;
        let s30 = 0;
        let s01 = 0;
        let s11 = 0;
        let s21 = 0;
        let s31 = 0;
        for (let d = 0; d < width; d++) {
          const p = y[y0 + d]!;
          const q = y[y1 + d]!;
          const a0 = x[x0 + d]!;
          const a1 = x[x1 + d]!;
          const a2 = x[x2 + d]!;
          const a3 = x[x3 + d]!;
          s00 += a0 * p;
          s01 += a0 * q;
          s10 += a1 * p;
          s11 += a1 * q;
          s20 += a2 * p;
          s21 += a2 * q;
          s30 += a3 * p;
          s31 += a3 * q;
        }
        put(i, j, s00);
        put(i, j + 1, s01);
        put(i + 1, j, s10);
        put(i + 1, j + 1, s11);
        put(i + 2, j, s20);
        put(i + 2, j + 1, s21);
        put(i + 3, j, s30);
        put(i + 3, j + 1, s31);
      }
      for (; j < end; j++) for (let r = 0; r < 4; r++) put(i + r, j, dotProduct(i + r, j));
    }
    for (; i < to; i++) for (let j = start; j < end; j++) put(i, j, dotProduct(i, j));
  }
}

/** {@link Distances} in typed arrays, double precision; exact zeros between equal points. */
export function loopDistances(points: Float32Array, width: number): Distances {
  const rows = prepare(points, width);
  const total = rows.count;
  let matrix: Float64Array | undefined;

  /**
   * Calls `visit` with every row of distances: from the kept matrix when the set is small, else block by
   * block.
   */
  function eachRow(visit: (row: number, distances: Float64Array) => void): void {
    if (total <= keptPoints) {
      if (!matrix) {
        matrix = new Float64Array(total * total);
        const tile = 64;
        for (let from = 0; from < total; from += tile) {
          const to = Math.min(total, from + tile);
          squaredDistances(rows, from, to, rows, from, width, matrix.subarray(from * total, to * total));
          // The half below the diagonal mirrors the half above it.
          for (let i = from; i < to; i++)
            for (let j = to; j < total; j++) matrix[j * total + i] = matrix[i * total + j]!;
        }
      }
      for (let i = 0; i < total; i++) visit(i, matrix.subarray(i * total, (i + 1) * total));
      return;
    }
    const size = Math.max(4, Math.floor(blockValues / total));
    const block = new Float64Array(size * total);
    for (let from = 0; from < total; from += size) {
      const to = Math.min(total, from + size);
      squaredDistances(rows, from, to, rows, 0, width, block);
      for (let i = from; i < to; i++) visit(i, block.subarray((i - from) * total, (i - from + 1) * total));
    }
  }

  return {
    density(k) {
      const mean = new Float64Array(total);
      const scratch = new Float64Array(total);
      let farthest = 0;
      eachRow((i, distances) => {
        for (let j = 0; j < total; j++) if (distances[j]! > farthest) farthest = distances[j]!;
        scratch.set(distances);
        mean[i] = sumOfSmallest(scratch, k) / k;
      });
      return Promise.resolve({ mean, farthest });
    },

    separation(order) {
      const nearestDenser = new Float64Array(total);
      eachRow((i, distances) => {
        const own = order[i]!;
        let smallest = Infinity;
        for (let j = 0; j < total; j++)
          if (order[j]! < own && distances[j]! < smallest) smallest = distances[j]!;
        nearestDenser[i] = smallest;
      });
      return Promise.resolve(nearestDenser);
    },

    nearest(centres) {
      const targets = prepare(centres, width);
      const index = new Int32Array(total);
      const distance = new Float64Array(total);
      const size = Math.max(4, Math.min(total, Math.floor(blockValues / targets.count)));
      const block = new Float64Array(size * targets.count);
      for (let from = 0; from < total; from += size) {
        const to = Math.min(total, from + size);
        squaredDistances(rows, from, to, targets, 0, width, block);
        for (let i = from; i < to; i++) {
          const start = (i - from) * targets.count;
          let best = 0;
          for (let k = 1; k < targets.count; k++) if (block[start + k]! < block[start + best]!) best = k;
          index[i] = best;
          distance[i] = block[start + best]!;
        }
      }
      return Promise.resolve({ index, distance });
    },

    dispose() {
      matrix = undefined;
    },
  };
}
