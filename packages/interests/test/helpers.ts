import { expect } from 'vitest';

/** A 32-bit number that looks random, from its position; the same as in tools/parity/interests.py. */
function mixed(i: number): number {
  let v = Math.imul(i, 2654435761) >>> 0;
  v = (v ^ (v >>> 16)) >>> 0;
  v = Math.imul(v, 2246822519) >>> 0;
  return (v ^ (v >>> 13)) >>> 0;
}

/** Numbers in [-.5, .5); [total*width]. */
export function hashPoints(total: number, width: number, salt = 0): Float32Array {
  return Float32Array.from({ length: total * width }, (_, i) => mixed(i + 1 + salt) / 2 ** 32 - 0.5);
}

/** Asserts |actual - expected| <= tolerance, entry by entry. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(
      Math.abs(actual[i]! - expected[i]!),
      `entry ${i}: ${actual[i]!} against ${expected[i]!}`,
    ).toBeLessThanOrEqual(tolerance);
}

/** Row t of [T*D]. */
export function row(points: Float32Array, t: number, width: number): Float32Array {
  return points.subarray(t * width, (t + 1) * width);
}

/** Squared distance by definition. */
export function squared(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, d) => sum + (value - b[d]!) ** 2, 0);
}

/**
 * Density-peak clustering straight from its definition with the whole T x T matrix, ties by index; for exact arithmetic
 * on points whose distances have no rounding, or comparison within tolerance.
 */
export function naiveDpc(
  points: Float32Array,
  { width, clusters, neighbours }: { width: number; clusters: number; neighbours: number },
): { peaks: number[]; assignment: number[]; density: number[]; separation: number[] } {
  const T = points.length / width;
  const all = Array.from({ length: T }, (_, t) => t);
  const d = all.map((i) =>
    all.map((j) => Math.sqrt(squared(row(points, i, width), row(points, j, width)) / width)),
  );
  const spread = d.map((distances) => {
    const nearest = distances.toSorted((a, b) => a - b).slice(0, neighbours);
    return nearest.reduce((sum, x) => sum + x * x, 0) / nearest.length;
  });
  const largest = Math.max(...d.map((distances) => Math.max(...distances)));
  const isDenser = (j: number, i: number): boolean =>
    spread[j]! < spread[i]! || (spread[j] === spread[i] && j < i);
  const separation = all.map((i) =>
    Math.min(largest, ...all.filter((j) => isDenser(j, i)).map((j) => d[i]![j]!)),
  );
  const density = spread.map((value) => Math.exp(-value));
  const score = all.map((i) => density[i]! * separation[i]!);
  const peaks = all
    .filter((i) => separation[i]! > 0)
    .sort((a, b) => score[b]! - score[a]! || a - b)
    .slice(0, clusters);
  const assignment = all.map((i) =>
    peaks.includes(i)
      ? peaks.indexOf(i)
      : peaks.reduce((best, peak, c) => (d[i]![peak]! < d[i]![peaks[best]!]! ? c : best), 0),
  );
  return { peaks, assignment, density, separation };
}
