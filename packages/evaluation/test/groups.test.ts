import { describe, expect, it } from 'vitest';
import { groupMetrics, maskGroups, rangeGroups, rowsOfGroups } from '../src/index.ts';

describe('rangeGroups', () => {
  it('names and fills ranges', () => {
    const { labels, index } = rangeGroups([0, 1, 4, 5, 9, 10, 19, 20, 999], [0, 1, 5, 10, 20]);
    expect(labels).toEqual(['0', '1-4', '5-9', '10-19', '20+']);
    expect([...index]).toEqual([0, 1, 1, 2, 2, 3, 3, 4, 4]);
    expect(rangeGroups([4, 5], [0, 5])).toEqual({ labels: ['<5', '5+'], index: Int32Array.of(0, 1) });
    const lengths = rangeGroups([1, 4, 6, 9], [1, 4, 5, 6, 8]);
    expect(lengths).toEqual({ labels: ['1-3', '4', '5', '6-7', '8+'], index: Int32Array.of(0, 1, 3, 4) });
    expect(() => rangeGroups([1], [0, 0])).toThrow(/edges must increase, got \[0, 0\]/);
    expect(() => rangeGroups([1], [2])).toThrow(/at least 2, got 1/);
  });
});

describe('groups of rows', () => {
  it('go by what each has', () => {
    const { labels, index } = maskGroups(['text', 'image'], [1, 3, 0, 1]);
    expect(labels).toEqual(['text+image', 'text', 'none']);
    expect([...index]).toEqual([1, 0, 2, 1]);
  });

  it('of relevant items are in the rows that have any of them', () => {
    const groups = { labels: ['a', 'b', 'c'], index: Int32Array.of(0, 0, 1, 0, 1) };
    // The first row has items a a b, the second none, the third a, the fourth b.
    expect(rowsOfGroups(groups, Int32Array.of(3, 3, 4, 5))).toEqual([2, 2, 0]);
  });

  it('have metrics that average back to the whole', () => {
    const groups = { labels: ['a', 'b', 'c'], index: Int32Array.of(0, 2, 0) };
    const [a, b, c] = groupMetrics([1, 2, 30], groups, [10]);
    expect(a).toEqual({
      label: 'a',
      rows: 2,
      metrics: { 'recall@10': 0.5, 'ndcg@10': 0.5, mrr: (1 + 1 / 30) / 2 },
    });
    expect(b).toEqual({ label: 'b', rows: 0 });
    expect(c!.metrics!['ndcg@10']).toBeCloseTo(1 / Math.log2(3), 12);
    expect(() => groupMetrics([1], groups)).toThrow(/one entry per rank \(1\), got 3/);
  });
});
