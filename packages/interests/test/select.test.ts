import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowSelector } from '../src/select.ts';
import { hashPoints } from './helpers.ts';

/** Sum of the k smallest, the largest, and the `size` smallest with their columns, by sorting. */
function bySorting(row: Float32Array, k: number, size: number) {
  const order = Array.from(row.keys()).sort((a, b) => row[a]! - row[b]! || a - b);
  const sorted = order.map((j) => row[j]!);
  return {
    sum: sorted.slice(0, k).reduce((sum, value) => sum + value, 0),
    largest: sorted.at(-1)!,
    values: sorted.slice(0, size),
    columns: order.slice(0, size),
  };
}

function expectSorted(row: Float32Array, k: number, size = Math.min(k, 8)): void {
  const near = { values: new Float32Array(size), columns: new Int32Array(size) };
  const select = rowSelector(row.length, k);
  // Twice: nothing is left over from the row before.
  for (let time = 0; time < 2; time++) {
    const expected = bySorting(row, k, size);
    expect(select(row, expected.largest, near)).toBeCloseTo(expected.sum, 9);
    expect([...near.values]).toEqual(expected.values);
    expect([...near.columns]).toEqual(expected.columns);
  }
}

describe('rowSelector', () => {
  it('finds what sorting finds, whatever the row, ties and zeros among it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.float({ min: 0, noNaN: true, max: 1000 })), {
          minLength: 1,
          maxLength: 60,
        }),
        fc.nat(),
        (values, draw) => {
          const row = Float32Array.from(values, (value) => value + 0);
          expectSorted(row, 1 + (draw % row.length));
        },
      ),
      { numRuns: 300, seed: 3 },
    );
  });

  it.each([1, 5, 40, 500, 2999, 3000, 4999, 5000])(
    'finds the %i smallest of 5,000 by a sample of them',
    (k) => {
      expectSorted(
        hashPoints(5000, 1).map((value) => value + 0.5),
        k,
        Math.min(k, 32),
      );
    },
  );

  it('is not misled where every value that is sampled is large, or small', () => {
    // A sample of 1,024 of 5,000 takes every fourth value.
    for (const inside of [0, 1])
      for (const k of [100, 2500, 4000]) {
        const row = hashPoints(5000, 1).map(
          (value, j) => value + 0.5 + (Number(j % 4 === 0) === inside ? 3 : 0),
        );
        expectSorted(row, k);
      }
  });

  it('reads a row inside a larger buffer', () => {
    const block = hashPoints(30, 1).map((value) => value + 0.5);
    expectSorted(block.subarray(10, 20), 4);
  });
});
