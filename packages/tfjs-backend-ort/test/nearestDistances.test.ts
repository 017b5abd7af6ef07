import { tf } from '../src/tfjs.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, nearestDistances } from '../src/index.ts';
import { computeIn, type Place, places } from './support/places.ts';

/** Rows as the operation finds them; the products are made in the graph, where later rows lie behind earlier ones. */
function found(
  name: Place,
  rows: readonly Float32Array[],
  k: number,
  kept: number,
  tolerance = 0,
): number[][] {
  const [R, C] = [rows.length, rows[0]!.length];
  const run = (halves: tf.Tensor2D, norms: tf.Tensor2D, columnNorms: tf.Tensor2D) =>
    nearestDistances(tf.mul(halves, 2), norms, columnNorms, { k, kept, tolerance });
  const products = rows.flatMap((row) => Array.from(row, (value) => value / 2));
  const result = (name === 'cpu' ? run : compile(run))(
    tf.tensor2d(products, [R, C]),
    tf.zeros([R, 1]),
    tf.zeros([1, C]),
  );
  return result.arraySync();
}

/** What sorting finds. */
function sorted(row: Float32Array, k: number, kept: number) {
  const order = Array.from(row.keys()).sort((a, b) => row[a]! - row[b]! || a - b);
  const values = order.map((j) => row[j]!);
  return {
    sum: values.slice(0, k).reduce((sum, value) => sum + value, 0),
    rest: [values.at(-1)!, ...values.slice(0, kept), ...order.slice(0, kept)],
  };
}

function expectSorted(name: Place, rows: readonly Float32Array[], k: number, kept = Math.min(k, 8)): void {
  found(name, rows, k, kept).forEach(([high, low, ...rest], r) => {
    const expected = sorted(rows[r]!, k, kept);
    expect(rest).toEqual(expected.rest);
    // Of sums in double precision two floats hold 48 bits.
    const precision = name === 'cpu' ? 1e-5 : 1e-12;
    expect(Math.abs(high! + low! - expected.sum)).toBeLessThanOrEqual(precision * (expected.sum + 1));
  });
}

let state = 1;
/** T numbers in [0, 1). */
const numbers = (total: number): Float32Array =>
  Float32Array.from(
    { length: total },
    () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32,
  );

describe.each(places)('nearestDistances on %s', (name) => {
  it('gives |a|^2 + |b|^2 - 2ab, and 0 for what is rounding error', async () => {
    await computeIn(name);
    // -2ab of a = (3, 4) with (3, 0), (0, 4), (-3, -4), with itself, and with itself but for rounding either way.
    const products = [-18, -32, 50, -50, -50 + 8e-5, -50 - 1e-4, -50 + 2e-4];
    const run = (p: tf.Tensor2D, norms: tf.Tensor2D, columnNorms: tf.Tensor2D) =>
      nearestDistances(p, norms, columnNorms, { k: 7, kept: 7, tolerance: 2e-6 });
    const [[sum, , largest, ...rest]] = (name === 'cpu' ? run : compile(run))(
      tf.tensor2d([products]),
      tf.tensor2d([[25]]),
      tf.tensor2d([[9, 16, 25, 25, 25, 25, 25]]),
    ).arraySync() as [number[]];
    expect(largest).toBe(100);
    expect(rest.slice(0, 3)).toEqual([0, 0, 0]);
    expect(rest[3]).toBeGreaterThan(1e-4);
    expect(rest.slice(4)).toEqual([9, 16, 100, 3, 4, 5, 6, 1, 0, 2]);
    expect(sum).toBeCloseTo(125, 3);
  });

  it('rounds to single precision at every operation', async () => {
    await computeIn(name);
    const [a, b, product] = [1.1, 2.2, -0.3].map(Math.fround) as [number, number, number];
    const result = nearestDistances(tf.tensor2d([[product]]), tf.tensor2d([[a]]), tf.tensor2d([[b]]), {
      ...{ k: 1, kept: 1, tolerance: 0 },
    }).arraySync();
    const square = Math.fround(product + Math.fround(a + b));
    expect(result).toEqual([[square, 0, square, square, 0]]);
  });

  it('finds what sorting finds, whatever the rows, ties and zeros among them', async () => {
    await computeIn(name);
    const value = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 1_000_000 }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(), fc.infiniteStream(value), (C, draw, stream) => {
        const rows = [0, 1, 2].map(() =>
          Float32Array.from({ length: C }, () => stream.next().value as number),
        );
        expectSorted(name, rows, 1 + (draw % C));
      }),
      { numRuns: name === 'ort' ? 60 : 20, seed: 3 },
    );
  });

  it.each([1, 5, 500, 2999, 5000])('finds the %i smallest of 5,001 by a sample of them', async (k) => {
    await computeIn(name);
    expectSorted(name, [numbers(5001), numbers(5001).map((value) => value + 5)], k, Math.min(k, 32));
  });

  it('is not misled where every value that is sampled is large, or small', async () => {
    await computeIn(name);
    // A sample of 1,024 of 5,000 takes every fourth value.
    for (const inside of [0, 1])
      for (const k of [100, 2500, 4000]) {
        const row = numbers(5000).map((value, j) => value + (Number(j % 4 === 0) === inside ? 3 : 0));
        expectSorted(name, [row], k);
      }
  });
});

it('says which sizes do not fit', () => {
  const zeros = tf.zeros([2, 3]);
  const run = (norms: tf.Tensor, k: number, kept: number) => () =>
    nearestDistances(zeros as tf.Tensor2D, norms as tf.Tensor2D, tf.zeros([1, 3]), { k, kept, tolerance: 0 });
  expect(run(tf.zeros([3, 1]), 1, 1)).toThrow(/got \[2, 3\], \[3, 1\], \[1, 3\]/);
  expect(run(tf.zeros([2, 1]), 4, 1)).toThrow(/k at most C, got 1, 4, 3/);
  expect(run(tf.zeros([2, 1]), 2, 3)).toThrow(/kept must be in \[1, k\]/);
});
