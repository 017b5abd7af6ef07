import { selectBackend, tf } from '@ferry/engine';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { distinctMasked, midRanks, targetRanks, topK } from '../src/index.ts';

beforeAll(async () => {
  await selectBackend('cpu');
});

/** Both implementations, the tensor one through its own masks. */
const ways: Record<string, typeof midRanks> = {
  'typed arrays': midRanks,
  tensors(scores, { count, targets, masked }) {
    const B = targets.length;
    return tf.tidy(() => {
      const rows = tf.tensor2d(Float32Array.from(scores), [B, count + 1]);
      const own = tf.tensor1d(targets, 'int32');
      const kept =
        masked && tf.tensor2d(distinctMasked(masked, targets, count), [B, masked.length / B], 'int32');
      return targetRanks(rows, own, kept).dataSync() as Float32Array;
    });
  },
};

describe.each(Object.keys(ways))('ranks by %s', (name) => {
  const rank = ways[name]!;

  it('count higher scores, and equal ones by half', () => {
    // Items 1..5; column 0 is padding and beats everything.
    const scores = Float32Array.of(99, 5, 4, 4, 4, 1, /**/ 99, 0, 0, 0, 0, 0, /**/ -9, 1, 2, 3, 4, 5);
    expect([...rank(scores, { count: 5, targets: Int32Array.of(3, 2, 5) })]).toEqual([3, 3, 1]);
  });

  it('take masked items out, listed once or more, but never the target', () => {
    const scores = Float32Array.of(0, 9, 8, 7, 7, 1, /**/ 0, 9, 8, 7, 7, 1);
    const masked = Int32Array.of(1, 1, 4, 3, /**/ 0, 0, 3, 0);
    const targets = Int32Array.of(3, 3);
    expect([...rank(scores, { count: 5, targets, masked })]).toEqual([2, 3.5]);
  });

  it('accept -Infinity', () => {
    const scores = Float32Array.of(-Infinity, 1, -Infinity, -Infinity, 0);
    expect([...rank(scores, { count: 4, targets: Int32Array.of(3) })]).toEqual([3.5]);
  });

  it('equal the definition by sorting', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }).chain((count) =>
          fc.record({
            count: fc.constant(count),
            rows: fc.array(
              fc.record({
                scores: fc.array(fc.integer({ min: 0, max: 4 }), {
                  minLength: count + 1,
                  maxLength: count + 1,
                }),
                target: fc.integer({ min: 1, max: count }),
                masked: fc.array(fc.integer({ min: 0, max: count }), { minLength: 3, maxLength: 3 }),
              }),
              { minLength: 1, maxLength: 5 },
            ),
          }),
        ),
        ({ count, rows }) => {
          const found = rank(Float32Array.from(rows.flatMap((row) => row.scores)), {
            count,
            targets: Int32Array.from(rows, (row) => row.target),
            masked: Int32Array.from(rows.flatMap((row) => row.masked)),
          });
          rows.forEach(({ scores, target, masked }, b) => {
            const candidates = Array.from({ length: count }, (_, i) => i + 1).filter(
              (item) => item === target || !masked.includes(item),
            );
            // The mean of the best and the worst place the target can have in a sorted list.
            const best = 1 + candidates.filter((item) => scores[item]! > scores[target]!).length;
            const worst = candidates.filter((item) => scores[item]! >= scores[target]!).length;
            expect(found[b]).toBe((best + worst) / 2);
            expect(found[b]).toBeLessThanOrEqual(candidates.length);
          });
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('what is not a number', () => {
  it('is refused by typed arrays, wherever it stands', () => {
    const targets = Int32Array.of(1);
    expect(() => midRanks(Float32Array.of(0, NaN, 1), { count: 2, targets })).toThrow(/NaN in row 0/);
    expect(() => midRanks(Float32Array.of(0, 1, NaN), { count: 2, targets })).toThrow(/NaN in row 0/);
    expect(midRanks(Float32Array.of(NaN, 1, 2), { count: 2, targets })[0]).toBe(2);
  });

  it('makes the tensor rank NaN, masked or not', () => {
    const scores = tf.tensor2d([0, NaN, 1, 0, 1, NaN, NaN, 1, 2], [3, 3]);
    const targets = tf.tensor1d([1, 1, 1], 'int32');
    expect([...targetRanks(scores, targets).dataSync()]).toEqual([NaN, NaN, 2]);
    const masked = tf.tensor2d([2, 2, 2], [3, 1], 'int32');
    // A masked NaN is counted neither before nor after: the row stays refused only through its target.
    const [first, , third] = targetRanks(scores, targets, masked).dataSync();
    expect(first).toBeNaN();
    expect(third).toBe(1);
    tf.dispose([scores, targets, masked]);
  });
});

describe('midRanks refuses', () => {
  it('wrong lengths and targets', () => {
    const scores = new Float32Array(6);
    expect(() => midRanks(scores, { count: 3, targets: Int32Array.of(1, 2) })).toThrow(
      /B\*\(N\+1\)=8 values, got 6/,
    );
    expect(() => midRanks(scores, { count: 2, targets: Int32Array.of(1, 3) })).toThrow(
      /1..2, got 3 in row 1/,
    );
    expect(() => midRanks(scores, { count: 2, targets: Int32Array.of(0, 1) })).toThrow(
      /1..2, got 0 in row 0/,
    );
    expect(() =>
      midRanks(scores, { count: 2, targets: Int32Array.of(1, 1), masked: Int32Array.of(1, 2, 1) }),
    ).toThrow(/same number of items for each of 2 rows, got 3/);
    expect(() =>
      midRanks(scores, { count: 2, targets: Int32Array.of(1, 1), masked: Int32Array.of(1, 3) }),
    ).toThrow(/0..2, got 3 in row 1/);
  });
});

describe('topK', () => {
  it('orders by score, then by number, and leaves out padding, excluded and impossible items', () => {
    const scores = Float32Array.of(99, 1, 3, 3, -Infinity, NaN, 2);
    expect(topK(scores, { k: 3 })).toEqual({ items: [2, 3, 6], scores: [3, 3, 2] });
    expect(topK(scores, { k: 10, exclude: [3] }).items).toEqual([2, 6, 1]);
    expect(() => topK(scores, { k: 0 })).toThrow(/got 0/);
  });

  it('equals sorting', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 2 }),
        fc.integer({ min: 1, max: 8 }),
        (values, k) => {
          const sorted = [...values.keys()].slice(1).sort((a, b) => values[b]! - values[a]! || a - b);
          expect(topK(Float64Array.from(values), { k }).items).toEqual(sorted.slice(0, k));
        },
      ),
    );
  });
});
