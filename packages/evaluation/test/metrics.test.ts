import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  gains,
  hits,
  maskedMean,
  mrr,
  ndcgAt,
  rankingMetrics,
  recallAt,
  reciprocalRanks,
  summarise,
  summariseRuns,
} from '../src/index.ts';

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

  it('count the middle of a tie across the cutoff as within it', () => {
    expect([...hits([10, 10.5, 11], 10)]).toEqual([1, 1, 0]);
    expect(gains([10.5], 10)[0]).toBeCloseTo(1 / Math.log2(11.5), 12);
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
