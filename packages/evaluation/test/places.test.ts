import { selectBackend, tf } from '@ferry/engine';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { exclusionLists, ranksOf, scorePlaces, targetPlaces, topK } from '../src/index.ts';
import type { Places, ScorePlacesOptions } from '../src/index.ts';

beforeAll(async () => {
  await selectBackend('cpu');
});

/** Both implementations, the tensor one through its own masks. */
const ways: Record<string, (scores: Float32Array, options: ScorePlacesOptions) => Places> = {
  'typed arrays': scorePlaces,
  tensors(scores, { count, targets, masked }) {
    const B = targets.length;
    return tf.tidy(() => {
      const rows = tf.tensor2d(Float32Array.from(scores), [B, count + 1]);
      const own = tf.tensor1d(targets, 'int32');
      const width = (masked?.length ?? 0) / B;
      const lists = Array.from({ length: B }, (_, b) =>
        (masked ?? new Int32Array(0)).subarray(b * width, (b + 1) * width).filter((item) => item > 0),
      );
      const flat = masked && exclusionLists(lists, targets, count);
      const kept = flat && tf.tensor2d(flat, [B, flat.length / B], 'int32');
      const found = targetPlaces(rows, own, kept).dataSync();
      return { better: Int32Array.from(found.slice(0, B)), tied: Int32Array.from(found.slice(B)) };
    });
  },
};

describe.each(Object.keys(ways))('ranks by %s', (name) => {
  const places = ways[name]!;
  const rank = (scores: Float32Array, options: ScorePlacesOptions): Float32Array =>
    ranksOf(places(scores, options));

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
          const counts = places(Float32Array.from(rows.flatMap((row) => row.scores)), {
            count,
            targets: Int32Array.from(rows, (row) => row.target),
            masked: Int32Array.from(rows.flatMap((row) => row.masked)),
          });
          const found = ranksOf(counts);
          rows.forEach(({ scores, target, masked }, b) => {
            const candidates = Array.from({ length: count }, (_, i) => i + 1).filter(
              (item) => item === target || !masked.includes(item),
            );
            // The mean of the best and the worst place the target can have in a sorted list.
            const best = 1 + candidates.filter((item) => scores[item]! > scores[target]!).length;
            const worst = candidates.filter((item) => scores[item]! >= scores[target]!).length;
            expect(found[b]).toBe((best + worst) / 2);
            expect(found[b]).toBeLessThanOrEqual(candidates.length);
            expect([counts.better[b], counts.tied[b]]).toEqual([best - 1, worst - best]);
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
    expect(() => scorePlaces(Float32Array.of(0, NaN, 1), { count: 2, targets })).toThrow(/NaN in row 0/);
    expect(() => scorePlaces(Float32Array.of(0, 1, NaN), { count: 2, targets })).toThrow(/NaN in row 0/);
    expect([...scorePlaces(Float32Array.of(NaN, 1, 2), { count: 2, targets }).better]).toEqual([1]);
  });

  it('makes the tensor rank NaN, masked or not', () => {
    const scores = tf.tensor2d([0, NaN, 1, 0, 1, NaN, NaN, 1, 2], [3, 3]);
    const targets = tf.tensor1d([1, 1, 1], 'int32');
    expect([...targetPlaces(scores, targets).dataSync()]).toEqual([NaN, NaN, 1, NaN, NaN, 0]);
    const masked = tf.tensor2d([2, 2, 2], [3, 1], 'int32');
    // A masked NaN is counted neither before nor after: the row stays refused only through its target.
    const [first, , third] = targetPlaces(scores, targets, masked).dataSync();
    expect(first).toBeNaN();
    expect(third).toBe(0);
    tf.dispose([scores, targets, masked]);
  });
});

describe('scorePlaces refuses', () => {
  it('wrong lengths and targets', () => {
    const scores = new Float32Array(6);
    expect(() => scorePlaces(scores, { count: 3, targets: Int32Array.of(1, 2) })).toThrow(
      /B\*\(N\+1\)=8 values, got 6/,
    );
    expect(() => scorePlaces(scores, { count: 2, targets: Int32Array.of(1, 3) })).toThrow(
      /1..2, got 3 in row 1/,
    );
    expect(() => scorePlaces(scores, { count: 2, targets: Int32Array.of(0, 1) })).toThrow(
      /1..2, got 0 in row 0/,
    );
    expect(() =>
      scorePlaces(scores, { count: 2, targets: Int32Array.of(1, 1), masked: Int32Array.of(1, 2, 1) }),
    ).toThrow(/same number of items for each of 2 rows, got 3/);
    expect(() =>
      scorePlaces(scores, { count: 2, targets: Int32Array.of(1, 1), masked: Int32Array.of(1, 3) }),
    ).toThrow(/0..2, got 3 in row 1/);
  });
});

describe('exclusionLists', () => {
  it('pads lists of any length to a width of few, without repeats and the target', () => {
    const lists = [[3, 3, 1], [], [2, 4, 5, 1, 6]];
    expect([...exclusionLists(lists, Int32Array.of(1, 1, 2), 6)]).toEqual([
      ...[3, 0, 0, 0],
      ...[0, 0, 0, 0],
      ...[4, 5, 1, 6],
    ]);
    const long = Array.from({ length: 700 }, (_, i) => (i % 600) + 1);
    expect(exclusionLists([long], Int32Array.of(1), 600)).toHaveLength(1024);
    expect(() => exclusionLists([[0]], Int32Array.of(1), 6)).toThrow(/1..6, got 0 in row 0/);
    expect(() => exclusionLists([[1], [7]], Int32Array.of(1, 1), 6)).toThrow(/1..6, got 7 in row 1/);
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
