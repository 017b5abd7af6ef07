import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rankingMetrics, rowValues } from '../src/index.ts';
import { listsOf } from './helpers.ts';

describe('metrics of lists', () => {
  it('are worked out by hand', () => {
    // Relevant 1, 2 and 9; found at the places 2 and 4.
    const lists = listsOf([
      [
        [5, 1, 6, 2, 7],
        [1, 2, 9],
      ],
      [[3, 4], [8]],
    ]);
    const first = (metric: string, k: number): number => rowValues(lists, `${metric}@${k}`)[0]!;
    expect(first('recall', 5)).toBeCloseTo(2 / 3, 12);
    expect(first('precision', 5)).toBeCloseTo(2 / 5, 12);
    expect(first('precision', 10)).toBeCloseTo(2 / 10, 12);
    expect([first('hit', 1), first('hit', 2)]).toEqual([0, 1]);
    expect(first('mrr', 5)).toBe(0.5);
    expect(first('map', 5)).toBeCloseTo((1 / 2 + 2 / 4) / 3, 12);
    expect(first('map', 2)).toBeCloseTo(1 / 2 / 2, 12);
    for (const metric of ['recall', 'precision', 'hit', 'ndcg', 'mrr', 'map'] as const)
      expect(rowValues(lists, `${metric}@5`)[1]).toBe(0);
  });

  it("give MIND's NDCG of an impression and Elliot's of graded ratings", () => {
    // Labels [0,1,0,1,0,0,0] with scores [.2,.9,.4,.1,.5,.3,.6].
    const impression = listsOf([
      [
        [2, 7, 5, 3, 6, 1, 4],
        [2, 4],
      ],
    ]);
    expect(rowValues(impression, 'ndcg@5')[0]).toBeCloseTo(0.6131471928, 9);
    expect(rowValues(impression, 'ndcg@10')[0]).toBeCloseTo(0.8175295904, 9);
    // Ratings a:5, b:3; the list is a, c, b. Gains 2^(rating + 1) - 1.
    const graded = listsOf(
      [
        [
          [1, 3, 2],
          [1, 2],
        ],
      ],
      [63, 15],
    );
    expect(rowValues(graded, 'ndcg-graded@3')[0]).toBeCloseTo(0.9728976077, 6);
    expect(rowValues(graded, 'ndcg@3')[0]).toBeCloseTo(0.9197207891, 9);
    expect(rowValues(graded, 'precision@3')[0]).toBeCloseTo(2 / 3, 12);
  });

  it('agree with ranks where a row has one relevant item', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }), (ranks) => {
        const lists = listsOf(
          ranks.map(
            (rank) => [Array.from({ length: 12 }, (_, i) => (i + 1 === rank ? 99 : i)), [99]] as const,
          ),
        );
        const mean = (values: Float64Array): number => values.reduce((a, b) => a + b, 0) / values.length;
        const expected = rankingMetrics(ranks, [5]);
        for (const name of ['recall@5', 'ndcg@5'])
          expect(mean(rowValues(lists, name))).toBeCloseTo(expected[name]!, 12);
        expect(mean(rowValues(lists, 'mrr@12'))).toBeCloseTo(expected['mrr']!, 12);
      }),
    );
  });

  it('refuse what has no value', () => {
    expect(rowValues(listsOf([[[1], []]]), 'recall@1')[0]).toBeNaN();
    expect(() => rowValues(listsOf([[[1, 1], [2]]]), 'recall@1')).toThrow(/item twice, got 1 in row 0/);
    expect(() => rowValues(listsOf([[[1], [2]]]), 'recall@0')).toThrow(/got 'recall@0'/);
    expect(() => rowValues(listsOf([[[1], [2]]]), 'auc@3')).toThrow(/got 'auc@3'/);
    expect(() => rowValues([1], 'novelty@3')).toThrow(/must be recall@k, .* or gauc, got 'novelty@3'/);
    expect([...rowValues([1, 11, 4], 'precision@10'), ...rowValues([1, 11, 4], 'HR@10')]).toEqual([
      0.1, 0, 0.1, 1, 0, 1,
    ]);
    expect([...rowValues([1, 11, 4], 'mrr@10'), ...rowValues([4], 'map')]).toEqual([1, 0, 0.25, 0.25]);
    // Precision of the first 1, 2, 3, 4 places: 0, 1/2, 1/3, 1/4.
    expect(rowValues([2], 'map-elliot@4')[0]).toBeCloseTo((1 / 2 + 1 / 3 + 1 / 4) / 4, 12);
    const places = { better: Int32Array.of(2), tied: Int32Array.of(1), candidates: Int32Array.of(6) };
    expect(rowValues(places, 'auc')[0]).toBeCloseTo(1 - 2.5 / 5, 12);
    expect([...rowValues([1, 11], 'recall@10'), ...rowValues([4], 'mrr')]).toEqual([1, 0, 0.25]);
  });
});
