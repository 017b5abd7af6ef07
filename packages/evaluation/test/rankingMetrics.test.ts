import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  beyondAccuracy,
  listPlaces,
  longTail,
  manyValues,
  meanMetric,
  rankUsers,
  ratingGain,
  rowValues,
  trainingUse,
  type Lists,
} from '../src/index.ts';
import { listsOf } from './helpers.ts';

/** What tools/parity/ranking_metrics.py made by brute force. */
const fixture = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/rankingMetrics.json'), 'utf8'),
) as {
  accuracy: {
    scores: number[];
    labels: number[];
    gains: number[];
    unknown: number[];
    metrics: Record<string, number>;
    auc: number | null;
  }[];
  beyond: {
    items: number;
    train: number[][];
    lists: number[][];
    relevant: number[][];
    results: Record<string, number>;
  };
};

/** Sequences one after the other. */
function sequencesOf(lists: readonly number[][]) {
  let end = 0;
  const ends = Int32Array.from(lists, (list) => (end += list.length));
  return { items: Int32Array.from(lists.flat()), starts: ends.map((to, i) => to - lists[i]!.length), ends };
}

describe('metrics of rows with any number of relevant items', () => {
  // One domain of 9 items for all rows: items a row lacks are in its history, the last two are known to no model.
  const rows = fixture.accuracy;
  const count = 10;
  const relevantOf = ({ labels, unknown }: (typeof rows)[number]): number[] => [
    ...labels.flatMap((label, i) => (label > 0 ? [i + 1] : [])),
    ...unknown.map((_, i) => count - i),
  ];
  const ranked = () => {
    let end = 0;
    return rankUsers({
      targets: {
        users: Int32Array.from(rows.keys()),
        relevant: Int32Array.from(rows.flatMap(relevantOf)),
        relevantEnds: Int32Array.from(rows, (row) => (end += relevantOf(row).length)),
      },
      gains: Float32Array.from(
        rows.flatMap(({ gains, unknown }) => [...gains.filter((gain) => gain > 0), ...unknown]),
      ),
      count,
      seen: sequencesOf(
        rows.map(({ scores }) => Array.from({ length: 8 - scores.length }, (_, i) => scores.length + 1 + i)),
      ),
      known: Array.from({ length: count + 1 }, (_, item) => (item > 8 ? 0 : 1)),
      batchSize: 7,
      k: [1, 3, 5],
      scores: (users) =>
        Float32Array.from(
          [...users].flatMap((user) => [
            9,
            ...Array.from({ length: count }, (_, i) => rows[user]!.scores[i] ?? 99),
          ]),
        ),
    });
  };

  it('are what brute force over all orders of ties says', async () => {
    const places = await ranked();
    const names = [...new Set(rows.flatMap(({ metrics }) => Object.keys(metrics)))];
    expect(names).toHaveLength(24);
    for (const name of names) {
      const values = rowValues(places, name);
      rows.forEach(({ metrics }, r) => {
        if (metrics[name] === undefined) expect(values[r]).toBeNaN();
        else expect(values[r], `${name} of row ${r}`).toBeCloseTo(metrics[name], 9);
      });
    }
    const areas = rowValues(places, 'gauc');
    rows.forEach(({ auc }, r) => {
      if (auc === null) expect(areas[r]).toBeNaN();
      else expect(areas[r]).toBeCloseTo(auc, 9);
    });
    const sized = rows.flatMap((row) =>
      row.auc === null ? [] : [[relevantOf(row).length, row.auc] as const],
    );
    const pooled = sized.reduce((sum, [n, auc]) => sum + n * auc, 0) / sized.reduce((sum, [n]) => sum + n, 0);
    expect(meanMetric(places, 'auc')).toBeCloseTo(pooled, 9);
    expect(meanMetric(places, 'auc')).not.toBeCloseTo(meanMetric(places, 'gauc'), 3);
    // Rows without a relevant item have no value and do not count.
    const some = rows.filter(({ metrics }) => 'recall@3' in metrics);
    expect(some.length).toBeLessThan(rows.length);
    expect(meanMetric(places, 'recall@3')).toBeCloseTo(
      some.reduce((sum, { metrics }) => sum + metrics['recall@3']!, 0) / some.length,
      9,
    );
  });

  it('rise from pessimistic over expected to optimistic ties', async () => {
    const places = await ranked();
    for (const name of ['recall@3', 'hit@1', 'ndcg@5', 'ndcg-graded@5', 'mrr', 'map', 'gauc']) {
      const [low, middle, high] = (['pessimistic', 'mid-rank', 'optimistic'] as const).map((ties) =>
        meanMetric(places, name, { ties }),
      ) as [number, number, number];
      expect(low).toBeLessThan(middle);
      expect(middle).toBeLessThan(high);
    }
  });

  it('are the same from the lists where nothing ties', async () => {
    const { lists, ...places } = await ranked();
    const strict = Array.from(rows, ({ scores }) => new Set(scores).size === scores.length);
    expect(strict.filter(Boolean).length).toBeGreaterThan(9);
    for (const name of [
      'recall@3',
      'precision@5',
      'hit@1',
      'ndcg@5',
      'ndcg-graded@5',
      'map@5',
      'mrr@5',
    ] as const) {
      const [one, other] = [rowValues(places, name), rowValues(lists, name)];
      strict.forEach((is, r) => {
        if (is && !Number.isNaN(one[r])) expect(other[r]).toBeCloseTo(one[r]!, 12);
      });
    }
    expect(() => rowValues(lists, 'recall@6')).toThrow(/hold 5 items each.*cutoff of 6/);
    expect(() => rowValues(lists, 'mrr')).toThrow(/needs the whole ranking/);
    expect(() => rowValues(lists, 'auc')).toThrow(/needs the whole ranking/);
  });

  it('refuse places that cannot be', () => {
    const places = {
      better: Int32Array.of(0, 0),
      tied: Int32Array.of(0, 0),
      relevantEnds: Int32Array.of(2),
    };
    expect(() => manyValues(places, 'recall', 1)).toThrow(/2 relevant items of row 0 stand on 1 places/);
    expect(() => rowValues(places, 'auc')).toThrow(/number of its candidates/);
  });
});

describe('metrics beyond accuracy', () => {
  it("are Elliot's, worked out by hand", () => {
    // Item 5 is not in training; what can be recommended are the four items that are.
    const training = {
      ...trainingUse(
        sequencesOf([
          [1, 2, 3],
          [1, 2],
          [1, 4],
        ]),
        5,
      ),
      items: 4,
    };
    expect([...longTail(training.popularity.subarray(0, 5))]).toEqual([0, 0, 0, 0, 1]);
    const lists = listsOf([
      [[4], [4]],
      [
        [3, 4],
        [5, 3],
      ],
      [[2, 3], [2]],
    ]);
    const found = beyondAccuracy(lists, training, [2]);
    const expected = {
      efd: 1.8789504361,
      epc: 0.4266046198,
      gini: 0.5333333333,
      entropy: 1.4885947616,
      items: 3,
      coverage: 0.75,
      aplt: 0.5,
      aclt: 2 / 3,
      arp: 7 / 6,
    };
    expect(Object.keys(found)).toHaveLength(9);
    for (const [name, value] of Object.entries(expected))
      expect(found[`${name}@2`], name).toBeCloseTo(value, 9);
    expect([ratingGain(5), ratingGain(1), ratingGain(4, 3)]).toEqual([63, 3, 3]);
  });

  it('are what numpy says of lists of all lengths, rows without relevant items and users without history', () => {
    const { items, train, lists, relevant, results } = fixture.beyond;
    const made: Lists = listsOf(lists.map((list, r) => [list, relevant[r]!] as const));
    const found = beyondAccuracy(made, trainingUse(sequencesOf(train), items), [1, 3, 5]);
    expect(Object.keys(found).sort()).toEqual(Object.keys(results).sort());
    for (const [name, value] of Object.entries(results)) expect(found[name], name).toBeCloseTo(value, 9);
    expect(() => beyondAccuracy({ ...made, depth: 3 }, trainingUse(sequencesOf(train), items), [5])).toThrow(
      /cutoff of 5/,
    );
    expect(listPlaces(made).better).toHaveLength(relevant.flat().length);
  });
});
