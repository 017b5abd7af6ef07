import { RandomStream } from '@ferry/engine';
import { describe, expect, it } from 'vitest';
import { distinctNews, padClicks, clicksOf } from '../src/batches.ts';
import { lengthGroups, roundedCount, roundedLength } from '../src/padding.ts';
import { countClicks, drawClicks, everyCandidate } from '../src/sampler.ts';
import { withEmptyCandidate } from '../src/defects.ts';
import type { Impressions } from '../src/index.ts';

/** Three impressions: two clicks and one other; one click and six others; one click alone. */
const impressions: Impressions = {
  source: 'by hand',
  count: 3,
  ids: Float64Array.of(1, 2, 3),
  users: Int32Array.of(0, 1, 2),
  times: new Float64Array(3),
  history: Int32Array.of(4, 2, 3),
  historyStarts: Int32Array.of(0, 3, 0),
  historyEnds: Int32Array.of(3, 3, 3),
  candidates: {
    offsets: Int32Array.of(0, 3, 10, 11),
    values: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
  },
  labels: Uint8Array.of(1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1),
};

const stream = (seed: number): RandomStream => RandomStream.fromSeed(seed);

describe('samples of an epoch', () => {
  it('are one for each click, with others of its impression', () => {
    const {
      columns,
      impressions: own,
      candidates,
    } = drawClicks(impressions, { negatives: 4, samples: 'clicks' }, stream(1));
    expect(columns).toBe(5);
    expect(countClicks(impressions, { samples: 'clicks' })).toBe(3);
    const rows = Array.from(own, (r, s) => [r, [...candidates.subarray(5 * s, 5 * s + 5)]] as const);
    expect(rows.map(([r, all]) => [r, all[0]]).sort()).toEqual([
      [0, 1],
      [0, 3],
      [1, 7],
    ]);
    for (const [r, all] of rows)
      if (r === 0) expect(all.slice(1)).toEqual([2, 0, 0, 0]);
      else {
        expect(new Set(all).size).toBe(5);
        for (const news of all.slice(1)) expect([4, 5, 6, 8, 9, 10]).toContain(news);
      }
  });

  it('are one for each impression where that is asked for, its click drawn anew', () => {
    const clicks = Array.from({ length: 40 }, (_, seed) => {
      const { impressions: own, candidates } = drawClicks(
        impressions,
        { negatives: 1, samples: 'impressions' },
        stream(seed),
      );
      expect([...own].sort()).toEqual([0, 1]);
      return candidates[2 * own.indexOf(0)]!;
    });
    expect(new Set(clicks)).toEqual(new Set([1, 3]));
  });

  it('draw every other news alike often', () => {
    const counts = new Map<number, number>();
    for (let seed = 0; seed < 600; seed++) {
      const { impressions: own, candidates } = drawClicks(
        impressions,
        { negatives: 2, samples: 'clicks' },
        stream(seed),
      );
      const at = 3 * own.indexOf(1);
      for (const news of candidates.subarray(at + 1, at + 3)) counts.set(news, (counts.get(news) ?? 0) + 1);
    }
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([4, 5, 6, 8, 9, 10]);
    for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(50);
  });

  it('are all candidates for an objective of single ones', () => {
    const { impressions: own, candidates, labels } = everyCandidate(impressions, stream(1));
    const found = Array.from(candidates, (news, s) => [own[s]!, news, labels[s]!]).sort(
      (a, b) => a[1]! - b[1]!,
    );
    expect(found.map(([, news]) => news)).toEqual([...impressions.candidates.values]);
    expect(found.map(([, , label]) => label)).toEqual([...impressions.labels!]);
    expect(found.slice(0, 4).map(([r]) => r)).toEqual([0, 0, 0, 1]);
  });
});

describe('a batch', () => {
  const options = { history: 2, defects: [] };

  it('reads the newest clicks, or, as a defect, the oldest', () => {
    expect([...clicksOf(impressions, 0, options)]).toEqual([2, 3]);
    expect([...clicksOf(impressions, 0, { ...options, defects: ['oldest-history'] })]).toEqual([4, 2]);
    expect([...clicksOf(impressions, 0, options, { whole: true })]).toEqual([4, 2, 3]);
    expect([...clicksOf(impressions, 1, options)]).toEqual([]);
  });

  it('pads histories at their end, and knows each news once', () => {
    const { length, news } = padClicks([Int32Array.of(5, 6), Int32Array.of(), Int32Array.of(6)], options);
    expect([length, [...news]]).toEqual([2, [5, 6, 0, 0, 6, 0]]);
    expect(padClicks([Int32Array.of(5)], { history: 50, defects: [] }).length).toBe(5);
    // Where padding is read there is as much of it as published code has.
    expect(padClicks([Int32Array.of(5)], { history: 50, defects: ['unmasked-padding'] }).length).toBe(50);
    const room = new Int32Array(10);
    const { numbers, places } = distinctNews([news, Int32Array.of(7, 5, 0)], room);
    expect([...numbers]).toEqual([0, 5, 6, 7]);
    expect(places.map((own) => [...own])).toEqual([
      [1, 2, 0, 0, 2, 0],
      [3, 1, 0],
    ]);
    expect([...room]).toEqual(Array(10).fill(0));
  });

  it('has one of few shapes', () => {
    expect([1, 4, 5, 33, 1000, 1025].map(roundedCount)).toEqual([4, 4, 8, 36, 1024, 1152]);
    for (let n = 1; n < 5000; n += 7) {
      expect(roundedCount(n)).toBeGreaterThanOrEqual(n);
      if (n > 32) expect(roundedCount(n)).toBeLessThan(1.126 * n + 4);
    }
    expect([0, 1, 6, 50, 51].map((n) => roundedLength(n, 50))).toEqual([5, 5, 10, 50, 50]);
    expect(roundedLength(0, 1)).toBe(1);
    const lengths = Int32Array.from({ length: 130 }, (_, i) => (i * 7) % 31);
    const groups = lengthGroups(lengths, 30);
    expect([...groups.flatMap(({ rows }) => [...rows])].sort((a, b) => a - b)).toEqual([...lengths.keys()]);
    for (const { rows, length } of groups)
      expect(Math.max(...Array.from(rows, (row) => lengths[row]!))).toBeLessThanOrEqual(length);
  });
});

it('an empty candidate comes behind those of its impression', () => {
  const { candidates, labels } = withEmptyCandidate(impressions);
  expect([...candidates.offsets]).toEqual([0, 4, 12, 14]);
  expect([...candidates.values]).toEqual([1, 2, 3, 0, 4, 5, 6, 7, 8, 9, 10, 0, 11, 0]);
  expect([...labels!]).toEqual([1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
});
