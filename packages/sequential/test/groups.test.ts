import { RandomStream } from '@ferry/engine';
import { describe, expect, it } from 'vitest';
import {
  dropItems,
  groupByLength,
  latestItems,
  lengthHistogram,
  planGroups,
  quotas,
  replacedWords,
  sourceBatches,
} from '../src/index.ts';
import { worldRows } from './world.ts';

describe('groups', () => {
  it('halve the batch, and have the shape of the plan in nearly every batch', () => {
    const random = RandomStream.fromSeed(5);
    const all = Int32Array.from({ length: 5000 }, () => 1 + Math.floor(-Math.log(1 - random.uniform()) * 4));
    const plan = planGroups(lengthHistogram(all), 128);
    expect(plan.map(({ size }) => size)).toEqual([64, 32, 16, 16]);
    expect(plan.at(-1)!.length).toBe(Math.max(...all));
    let fitting = 0;
    for (let trial = 0; trial < 100; trial++) {
      const lengths = Int32Array.from({ length: 128 }, () => all[random.integer(5000)]!);
      const stride = Math.max(...lengths);
      const history = new Int32Array(128 * stride);
      lengths.forEach((length, b) => history.fill(b + 1, b * stride, b * stride + length));
      const groups = groupByLength(history, lengths, plan);
      if (groups.every(({ length }, g) => length === plan[g]!.length)) fitting++;
      // every row is there once, whole
      const seen = groups.flatMap(({ rows }) => [...rows]).sort((a, b) => a - b);
      expect(seen).toEqual(Array.from({ length: 128 }, (_, b) => b));
      for (const group of groups)
        group.rows.forEach((row, at) => {
          const own = [...group.history.subarray(at * group.length, (at + 1) * group.length)];
          expect(own.filter((item) => item !== 0)).toEqual(
            Array.from({ length: lengths[row]! }, () => row + 1),
          );
          expect(group.lengths[at]).toBe(lengths[row]);
        });
    }
    expect(fitting).toBeGreaterThan(95);
  });
});

describe('augmentation', () => {
  const history = Int32Array.of(1, 2, 3, 4, 0, 5, 0, 0, 0, 0);
  const lengths = Int32Array.of(4, 1);

  it('own: items go by their own marks, the first always stays', () => {
    const marks = Uint8Array.of(0, 0, 1, 0, 0, 0, 0, 0, 0, 0);
    const dropped = dropItems(history, lengths, marks, 'own');
    expect([...dropped.history]).toEqual([1, 3, 0, 0, 0, 5, 0, 0, 0, 0]);
    expect([...dropped.lengths]).toEqual([2, 1]);
  });

  it('next: items go by the mark behind them, the last always stays, the first may not', () => {
    const marks = Uint8Array.of(1, 0, 1, 0, 0, 0, 0, 0, 0, 0);
    const dropped = dropItems(history, lengths, marks, 'next');
    expect([...dropped.history]).toEqual([2, 4, 0, 0, 0, 5, 0, 0, 0, 0]);
    expect([...dropped.lengths]).toEqual([2, 1]);
  });

  it('words: replaced where the mask is not keep, never in padding', () => {
    const marks = Uint8Array.of(1, 0, 0, 1, 0, 0, 0, 0, 0, 0);
    expect([...replacedWords(history, marks)]).toEqual([0, 1, 1, 0, 0, 1, 0, 0, 0, 0]);
  });
});

describe('batches of several sources', () => {
  const sources = [
    { rows: worldRows(20, 300, 1), offset: 0 },
    { rows: worldRows(20, 50, 2), offset: 20 },
  ];

  it('share by a power of the rows, exactly over an epoch', () => {
    for (const balance of [0, 0.5, 1]) {
      const sums = [0, 0, 0];
      for (let step = 0; step < 100; step++) {
        const own = quotas([900, 100, 10], balance, 64, step);
        expect(own.reduce((a, b) => a + b, 0)).toBe(64);
        expect(own.every((count) => count >= 0)).toBe(true);
        own.forEach((count, d) => (sums[d]! += count));
      }
      const weights = [900, 100, 10].map((count) => count ** balance);
      const total = weights.reduce((a, b) => a + b, 0);
      weights.forEach((weight, d) => {
        expect(Math.abs(sums[d]! - (6400 * weight) / total)).toBeLessThan(1.5);
      });
    }
  });

  it('visit every row once with balance 1, and the small source more often with balance 0', () => {
    const count = (balance: number) => {
      const seen = [0, 0];
      for (const { targets } of sourceBatches(sources, { size: 50, balance }, RandomStream.fromSeed(1)))
        for (const target of targets) seen[target > 20 ? 1 : 0]!++;
      return seen;
    };
    expect(count(1)).toEqual([300, 50]);
    expect(count(0)).toEqual([175, 175]);
  });

  it('are the same for the same stream', () => {
    const list = () => [...sourceBatches(sources, { size: 32, balance: 0.5 }, RandomStream.fromSeed(4))];
    expect(list()).toEqual(list());
  });
});

describe('latestItems', () => {
  it('cuts histories to their last items', () => {
    const rows = worldRows(20, 40, 3);
    const cut = latestItems(rows, 2);
    cut.ends.forEach((end, r) => {
      expect(end).toBe(rows.ends[r]);
      expect(end - cut.starts[r]!).toBe(Math.min(2, end - rows.starts[r]!));
    });
  });
});
