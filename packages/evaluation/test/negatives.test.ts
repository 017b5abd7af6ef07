import { selectBackend, tf } from '@ferry/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluateRanking, metricTitle, rowValues, sampledPlaces } from '../src/index.ts';
import { rowsOf } from './helpers.ts';

beforeAll(async () => {
  await selectBackend('cpu');
});

/** Items that a sampled ranking looks at. */
function drawn(
  items: number,
  options: Parameters<typeof sampledPlaces>[1],
  row: number,
  history: number[],
): number[] {
  const seen: number[] = [];
  const scores = new Proxy([] as number[], {
    get: (_, key) => {
      if (typeof key === 'string' && /^\d+$/.test(key)) seen.push(Number(key));
      return 0;
    },
  });
  sampledPlaces(items, options)(scores, row, 1, history);
  // The target first.
  return seen.slice(1);
}

describe('a sampled ranking', () => {
  it('draws distinct items that are neither the target nor in the history, the same for one seed', () => {
    const options = { count: 20, draw: 'uniform', seed: 3 } as const;
    const first = drawn(60, options, 5, [2, 3, 4]);
    expect(new Set(first).size).toBe(20);
    for (const item of [1, 2, 3, 4]) expect(first).not.toContain(item);
    expect(drawn(60, options, 5, [2, 3, 4])).toEqual(first);
    expect(drawn(60, options, 6, [2, 3, 4])).not.toEqual(first);
    expect(drawn(60, { ...options, seed: 4 }, 5, [2, 3, 4])).not.toEqual(first);
    // Fewer are there than are wanted: all of them; and nearly as many.
    expect(drawn(9, options, 0, [2, 9]).sort()).toEqual([3, 4, 5, 6, 7, 8]);
    expect(new Set(drawn(30, { ...options, count: 27 }, 0, [2])).size).toBe(27);
  });

  it('draws each item alike, or in proportion to its popularity', () => {
    const popularity = Int32Array.of(0, 1, 10, 0, 20, 30, 40);
    const counts = { uniform: new Array<number>(7).fill(0), popularity: new Array<number>(7).fill(0) };
    for (let row = 0; row < 3000; row++)
      for (const draw of ['uniform', 'popularity'] as const)
        for (const item of drawn(6, { count: 1, draw, seed: 1, popularity }, row, [])) counts[draw][item]!++;
    for (const item of [2, 3, 4, 5, 6]) expect(Math.abs(counts.uniform[item]! - 600)).toBeLessThan(110);
    expect(counts.popularity[3]).toBe(0);
    for (const item of [2, 4, 5, 6])
      expect(Math.abs(counts.popularity[item]! - 30 * popularity[item]!)).toBeLessThan(140);
  });

  it('of all negatives there are is the full ranking without the history, and its metrics are marked', async () => {
    const rows = rowsOf([
      [[1, 2], 3],
      [[4], 5],
      [[6, 2, 1], 4],
    ]);
    const scores = (size: number): Float32Array =>
      Float32Array.from({ length: size * 9 }, (_, i) => ((i % 9) * 5) % 7);
    const common = { rows, count: 8, history: 'mask', k: [3] } as const;
    const full = await evaluateRanking({ ...common, scores: ({ size }) => scores(size) });
    const sampled = { count: 100, draw: 'uniform', seed: 1 } as const;
    for (const tensor of [false, true]) {
      const found = await evaluateRanking({
        ...common,
        sampled,
        scores: ({ size }) => (tensor ? tf.tensor2d(scores(size), [size, 9]) : scores(size)),
      });
      expect([found.better, found.tied, found.candidates]).toEqual([full.better, full.tied, full.candidates]);
      expect(found.sampled).toBe('100 uniform negatives, seed 1');
      expect(found.metrics).toEqual(
        Object.fromEntries(Object.entries(full.metrics).map(([name, value]) => [`sampled-${name}`, value])),
      );
      expect(rowValues(found, 'sampled-ndcg@3')).toEqual(rowValues(full, 'ndcg@3'));
    }
    expect(metricTitle('sampled-ndcg@10')).toBe('sampled NDCG@10');
    await expect(evaluateRanking({ ...common, sampled, places: () => new Float32Array(2) })).rejects.toThrow(
      /needs a ranker that gives scores/,
    );
    expect(() => sampledPlaces(8, { ...sampled, count: 0 })).toThrow(/got 0/);
    expect(() => sampledPlaces(8, { ...sampled, draw: 'popularity' })).toThrow(/interactions of N\+1=9/);
  });
});
