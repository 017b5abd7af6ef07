import fc from 'fast-check';
import { RandomStream } from '@ferry/engine';
import { describe, expect, it } from 'vitest';
import {
  dropItems,
  groupByLength,
  latestItems,
  readPositions,
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

describe('readPositions', () => {
  it('names every position that holds an item, what follows it and whose; what fills up copies the first', () => {
    const groups = [
      { length: 2, history: Int32Array.of(5, 6), lengths: Int32Array.of(2) },
      {
        length: 3,
        history: Int32Array.of(7, 8, 9, 4, 0, 0),
        lengths: Int32Array.of(3, 1),
      },
    ];
    const { read, targets, examples, weights } = readPositions(groups, Int32Array.of(1, 2, 3));
    const filled = (values: number[]): number[] => [
      ...values,
      ...new Array<number>(read.length - values.length).fill(values[0]!),
    ];
    expect([...read]).toEqual(filled([0, 1, 2, 3, 4, 5]));
    expect([...targets]).toEqual(filled([6, 1, 8, 9, 2, 3]));
    expect([...examples]).toEqual(filled([0, 0, 1, 1, 1, 2]));
    expect([...weights]).toEqual(Array.from(read, (_, i) => (i < 6 ? 1 : 0)));
    expect(read.length).toBeGreaterThan(6);
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

  /** The batches one after another. */
  const taken = (counts: number[], balance: number, size: number, batches: number): number[][] => {
    const shares = quotas(counts, balance, size);
    return Array.from({ length: batches }, () => shares.next().value);
  };

  it('share by a power of the rows: whole rows, none negative, as many as the batch has, near what is due', () => {
    const rows = fc.integer({ min: 1, max: 4_000_000 });
    fc.assert(
      fc.property(
        fc.array(rows, { minLength: 1, maxLength: 12 }),
        fc.constantFrom(0, 0.3, 0.5, 1),
        fc.integer({ min: 1, max: 64 }),
        (counts, balance, size) => {
          const weights = counts.map((count) => count ** balance);
          const total = weights.reduce((a, b) => a + b, 0);
          const given = counts.map(() => 0);
          for (const [batch, own] of taken(counts, balance, size, 60).entries()) {
            expect(own.reduce((a, b) => a + b, 0)).toBe(size);
            expect(own.every((count) => Number.isInteger(count) && count >= 0)).toBe(true);
            own.forEach((count, d) => (given[d]! += count));
            for (const [d, weight] of weights.entries())
              expect(Math.abs(given[d]! - (weight / total) * size * (batch + 1))).toBeLessThan(2);
          }
        },
      ),
    );
  });

  it('give a source its rows even where it is due less than one in a batch', () => {
    const counts = [3_000_000, 1_000, 200, 400_000];
    const sums = [0, 0, 0, 0];
    for (const own of taken(counts, 0.5, 16, 1_000)) own.forEach((count, d) => (sums[d]! += count));
    const total = counts.reduce((sum, count) => sum + count ** 0.5, 0);
    expect(sums).toEqual(counts.map((count) => Math.round((16_000 * count ** 0.5) / total)));
  });

  it('refuse a source without rows, by its place', () => {
    const none = { rows: worldRows(20, 0, 1), offset: 20 };
    for (const balance of [0, 1])
      expect(() =>
        sourceBatches([sources[0]!, none], { size: 8, balance }, RandomStream.fromSeed(1)).next(),
      ).toThrow(/source 2 of 2 has no rows/);
  });

  it('shuffle the rows of a source anew each time it goes round', () => {
    const rows = { ...worldRows(300, 50, 2), targets: Int32Array.from({ length: 50 }, (_, r) => r + 1) };
    const rounds = (seed: number): number[][] => {
      const pair = [
        { rows, offset: 0 },
        { rows: worldRows(20, 150, 1), offset: 300 },
      ];
      const seen: number[] = [];
      for (const { targets } of sourceBatches(pair, { size: 50, balance: 0 }, RandomStream.fromSeed(seed)))
        seen.push(...targets.filter((target) => target <= 300));
      return [seen.slice(0, 50), seen.slice(50, 100)];
    };
    const [first, second] = rounds(1);
    const inOrder = Array.from({ length: 50 }, (_, r) => r + 1);
    for (const round of [first!, second!]) {
      expect([...round].sort((a, b) => a - b)).toEqual(inOrder);
      expect(round).not.toEqual(inOrder);
    }
    expect(first).not.toEqual(second);
    expect(rounds(2)[0]).not.toEqual(first);
  });

  it('shuffle all rows together with balance 1', () => {
    const order = (seed: number): number[] =>
      [...sourceBatches(sources, { size: 50, balance: 1 }, RandomStream.fromSeed(seed))].flatMap(
        ({ targets }) => [...targets],
      );
    const inOrder = sources.flatMap(({ rows, offset }) => [...rows.targets].map((target) => target + offset));
    expect(order(1)).not.toEqual(inOrder);
    expect(order(1)).not.toEqual(order(2));
    expect([...order(1)].sort((a, b) => a - b)).toEqual([...inOrder].sort((a, b) => a - b));
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
