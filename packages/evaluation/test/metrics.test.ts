import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  gains,
  hits,
  maskedMean,
  mrr,
  placesOf,
  rankingMetrics,
  ranksOf,
  reciprocalRanks,
  summarise,
  summariseRuns,
  type Ranks,
} from '../src/index.ts';

const recallAt = (ranks: Ranks, k: number): number => maskedMean(hits(ranks, k));
const ndcgAt = (ranks: Ranks, k: number): number => maskedMean(gains(ranks, k));

describe('ranking metrics', () => {
  it('are worked out by hand', () => {
    const ranks = [1, 3, 11, 2];
    expect([...hits(ranks, 2)]).toEqual([1, 0, 0, 1]);
    expect([...gains(ranks, 10)]).toEqual([1, 0.5, 0, 1 / Math.log2(3)]);
    expect([...reciprocalRanks(ranks)]).toEqual([1, 1 / 3, 1 / 11, 1 / 2]);
    expect(recallAt(ranks, 10)).toBe(0.75);
    expect(ndcgAt(ranks, 10)).toBeCloseTo((1 + 0.5 + 0.6309297535714575) / 4, 12);
    expect(mrr(ranks)).toBeCloseTo((1 + 1 / 3 + 1 / 11 + 1 / 2) / 4, 12);
  });

  it('count a tie with what is expected of a random order', () => {
    expect([...hits([10, 10.5, 11], 10)]).toEqual([1, 0.5, 0]);
    expect(gains([10.5], 10)[0]).toBeCloseTo(0.5 / Math.log2(11), 12);
    // Twelve equal scores: ten of twelve places are within 10.
    const twelve = placesOf({ better: Int32Array.of(0), tied: Int32Array.of(11) });
    expect(recallAt(twelve, 10)).toBeCloseTo(10 / 12, 12);
    expect(mrr(placesOf({ better: Int32Array.of(0), tied: Int32Array.of(1) }))).toBe(0.75);
    expect([...ranksOf(twelve)]).toEqual([6.5]);
  });

  it('count a tie first or last where asked to', () => {
    const tie = { better: Int32Array.of(8), tied: Int32Array.of(3) };
    expect([...ranksOf(tie, 'optimistic'), ...ranksOf(tie, 'pessimistic')]).toEqual([9, 12]);
    expect(rankingMetrics(tie, [9], undefined, 'optimistic')['recall@9']).toBe(1);
    expect(rankingMetrics(tie, [11], undefined, 'pessimistic')).toEqual({
      'recall@11': 0,
      'ndcg@11': 0,
      mrr: 1 / 12,
    });
  });

  it('equal the mean over all orders of a tie, and lie between the two rules', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 1, max: 14 }),
        (better, tied, k) => {
          const places = { better: Int32Array.of(better), tied: Int32Array.of(tied) };
          const orders = Array.from({ length: tied + 1 }, (_, i) => better + 1 + i);
          const found = rankingMetrics(places, [k]);
          const [first, last] = (['optimistic', 'pessimistic'] as const).map((ties) =>
            rankingMetrics(places, [k], undefined, ties),
          );
          for (const [name, value] of Object.entries(rankingMetrics(orders, [k]))) {
            expect(found[name]).toBeCloseTo(value, 12);
            expect(first![name]).toBeGreaterThanOrEqual(found[name]! - 1e-12);
            expect(last![name]).toBeLessThanOrEqual(found[name]! + 1e-12);
          }
        },
      ),
    );
    expect(() => placesOf([0.5])).toThrow(/at least 1, got 0.5 in row 0/);
    expect(() => placesOf([1, 2.25])).toThrow(/halfway .* got 2.25 in row 1/);
  });

  it('leave masked rows out of sum and count', () => {
    expect(maskedMean([4, 100, 6], [1, 0, 1])).toBe(5);
    expect(rankingMetrics([1, 500, 4], [1], [1, 0, 1])).toEqual({
      'recall@1': 0.5,
      'ndcg@1': 0.5,
      mrr: 0.625,
    });
    expect(maskedMean([1], [0])).toBeNaN();
    expect(() => maskedMean([1, 2], [1])).toThrow(/one entry per value \(2\), got 1/);
    expect(() => recallAt([1], 0)).toThrow(/k must be a positive integer, got 0/);
  });

  it('stay within [0, 1], grow with k, and NDCG never exceeds recall', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 200 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 60 }),
        (doubled, k) => {
          const ranks = doubled.map((rank) => rank / 2);
          const [recall, ndcg] = [recallAt(ranks, k), ndcgAt(ranks, k)];
          expect(ndcg).toBeGreaterThanOrEqual(0);
          expect(ndcg).toBeLessThanOrEqual(recall + 1e-12);
          expect(recall).toBeLessThanOrEqual(recallAt(ranks, k + 1));
          expect(ndcg).toBeLessThanOrEqual(ndcgAt(ranks, k + 1) + 1e-12);
          expect(mrr(ranks)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});

describe('summarise', () => {
  it('gives mean and sample deviation', () => {
    expect(summarise([2, 4, 6])).toEqual({ mean: 4, deviation: 2, count: 3 });
    expect(summarise([7])).toEqual({ mean: 7, deviation: 0, count: 1 });
    expect(() => summarise([])).toThrow(/at least one value/);
  });

  it('goes metric by metric over runs', () => {
    const runs = [
      { a: 1, b: 0 },
      { a: 3, b: 0 },
    ];
    expect(summariseRuns(runs)['a']).toEqual({ mean: 2, deviation: Math.SQRT2, count: 2 });
    expect(() => summariseRuns([{ a: 1 }, { b: 1 }])).toThrow(/every run must have a, got none in run 1/);
  });
});
