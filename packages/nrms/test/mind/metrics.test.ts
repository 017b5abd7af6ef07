import { existsSync } from 'node:fs';
import { RandomStream } from '@ferry/engine';
import { describe, expect, test } from 'vitest';
import {
  candidateRanks,
  clickedAuc,
  evaluateImpressions,
  impressionTies,
  readMind,
  summariseImpressions,
  type ImpressionTies,
} from '../../src/index.ts';
import { sample } from './folder.ts';
import { randomImpressions, withLabels } from './impressions.ts';

/** Values of one impression. */
function valuesOf(
  labels: readonly number[],
  scores: readonly number[],
  options: Parameters<typeof evaluateImpressions>[2] = {},
): Record<string, number> {
  const { values } = evaluateImpressions(withLabels([labels]), scores, options);
  return Object.fromEntries(Object.entries(values).map(([name, [value]]) => [name, value!]));
}

describe('worked examples', () => {
  const labels = [0, 1, 0, 1, 0, 0, 0];
  const scores = [0.2, 0.9, 0.4, 0.1, 0.5, 0.3, 0.6];
  const right = { auc: 0.5, mrr: 0.5714285714, 'ndcg@5': 0.6131471928, 'ndcg@10': 0.8175295904 };
  const near = (values: Record<string, number>, expected: Record<string, number>): void => {
    for (const [name, value] of Object.entries(expected)) expect(values[name], name).toBeCloseTo(value, 9);
  };

  test('scores, and one over their ranks', () => {
    const ranks = candidateRanks(scores);
    expect([...ranks]).toEqual([6, 1, 4, 7, 3, 5, 2]);
    near(valuesOf(labels, scores), right);
    near(
      valuesOf(
        labels,
        Array.from(ranks, (rank) => 1 / rank),
      ),
      right,
    );
  });

  test('the order taken for the ranks', () => {
    const wrong = { auc: 0.3, mrr: 0.2380952381, 'ndcg@5': 0.3065735964, 'ndcg@10': 0.510955994 };
    near(valuesOf(labels, scores, { submit: 'order' }), wrong);
  });

  test('equal scores: the later candidate first, or by name', () => {
    const tie = (ties: ImpressionTies): Record<string, number> =>
      valuesOf([0, 1, 0], [0.5, 0.5, 0.5], { ties });
    near(tie('mind'), { auc: 0.5, mrr: 0.5, 'ndcg@5': 0.6309297536 });
    near(tie('average'), { auc: 0.5, mrr: (1 + 1 / 2 + 1 / 3) / 3 });
    near(tie('pessimistic'), { auc: 0, mrr: 1 / 3, 'ndcg@5': 0.5 });
    near(tie('optimistic'), { auc: 1, mrr: 1, 'ndcg@5': 1 });
  });
});

/**
 * One impression by the definitions, candidate by candidate: the rank of each is one more than those that come before
 * it.
 */
function slowly(
  labels: readonly number[],
  scores: readonly number[],
  ties: Exclude<ImpressionTies, 'average'>,
): { auc: number; mrr: number; ndcg: (k: number) => number } {
  const before = (a: number, b: number): boolean => {
    if (scores[a] !== scores[b]) return scores[a]! > scores[b]!;
    if (ties !== 'mind' && labels[a] !== labels[b])
      return labels[a]! > labels[b]! === (ties === 'optimistic');
    return a > b;
  };
  const clicked = labels.flatMap((label, at) => (label > 0 ? [at] : []));
  const others = labels.flatMap((label, at) => (label > 0 ? [] : [at]));
  const rank = (a: number): number => 1 + labels.filter((_, b) => b !== a && before(b, a)).length;
  let won = 0;
  for (const a of clicked)
    for (const b of others) won += scores[a] === scores[b] && ties === 'mind' ? 0.5 : before(a, b) ? 1 : 0;
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return {
    auc: won / (clicked.length * others.length),
    mrr: sum(clicked.map((a) => 1 / rank(a))) / clicked.length,
    ndcg: (k) =>
      sum(clicked.map((a) => (rank(a) <= k ? (2 ** labels[a]! - 1) / Math.log2(rank(a) + 1) : 0))) /
      sum(clicked.map((_, place) => (place < k ? 1 / Math.log2(place + 2) : 0))),
  };
}

test.each(['mind', 'pessimistic', 'optimistic'] as const)(
  'ten thousand impressions with ties, as the definitions have them: %s',
  (ties) => {
    const { labels, scores } = randomImpressions(10_000, { longest: 30, values: 12, seed: 3 });
    const { values, tied, dropped } = evaluateImpressions(withLabels(labels), scores.flat(), { ties });
    let [one, decided] = [0, 0];
    labels.forEach((own, row) => {
      const clicks = own.reduce((sum, label) => sum + label, 0);
      if (clicks === 0 || clicks === own.length) {
        one++;
        expect(values['auc']![row]).toBeNaN();
        return;
      }
      const expected = slowly(own, scores[row]!, ties);
      expect(values['auc']![row]).toBeCloseTo(expected.auc, 12);
      expect(values['mrr']![row]).toBeCloseTo(expected.mrr, 12);
      expect(values['ndcg@5']![row]).toBeCloseTo(expected.ndcg(5), 12);
      expect(values['ndcg@10']![row]).toBeCloseTo(expected.ndcg(10), 12);
      const equal = own.some((a, i) => own.some((b, j) => a !== b && scores[row]![i] === scores[row]![j]));
      expect(tied[row]).toBe(equal ? 1 : 0);
      if (equal) decided++;
    });
    expect(dropped.empty + dropped.unclicked + dropped.allClicked).toBe(one);
    expect(dropped.empty).toBe(labels.filter((own) => own.length === 0).length);
    const summary = summariseImpressions({ values, tied });
    expect(summary.impressions).toBe(10_000 - one);
    expect(summary.tied).toBeCloseTo(decided / (10_000 - one), 12);
  },
);

/** All orders of a list. */
function orders<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((own, at) =>
    orders([...list.slice(0, at), ...list.slice(at + 1)]).map((rest) => [own, ...rest]),
  );
}

test('the average rule is the mean over all orders of the candidates', () => {
  const { labels, scores } = randomImpressions(60, { longest: 7, values: 3, seed: 5 });
  labels.forEach((own, row) => {
    if (new Set(own).size < 2) return;
    // In a random order of the candidates the rule of the later one is a random order of equal ones.
    const all = orders([...own.keys()]).map((order) =>
      valuesOf(
        order.map((at) => own[at]!),
        order.map((at) => scores[row]![at]!),
      ),
    );
    const average = valuesOf(own, scores[row]!, { ties: 'average' });
    for (const [name, value] of Object.entries(average))
      expect(value, name).toBeCloseTo(all.reduce((sum, values) => sum + values[name]!, 0) / all.length, 10);
  });
});

/** Lengths of lists like those of MIND's impressions: 2 to 299, 37 in the mean, half of them below 24. */
function sizes(count: number, random: RandomStream): number[] {
  return Array.from({ length: count }, () =>
    Math.min(299, 2 + Math.floor(-36 * Math.log(1 - random.uniform()))),
  );
}

/** A ranking's area under the curve, how far its clicks are moved for it, and what is reported of it. */
const rankings = [
  [0.64, 0.507, 0.52],
  [0.76, 0.999, 0.53],
  [0.92, 1.987, 0.56],
] as const;

test.each(rankings)(
  'a ranking of AUC %f is reported near .5 if the order is taken for the ranks',
  (auc, shift, reported) => {
    const random = RandomStream.fromSeed(7);
    const labels = sizes(4000, random).map((size) => {
      const clicked = random.integer(size);
      return Array.from({ length: size }, (_, at) => (at === clicked ? 1 : 0));
    });
    const impressions = withLabels(labels);
    const scores = Array.from(impressions.labels!, (label) => random.normal() + shift * label);
    const means = (submit: 'rank' | 'order'): Readonly<Record<string, number>> =>
      summariseImpressions(evaluateImpressions(impressions, scores, { submit })).means;
    expect(means('rank')['auc']).toBeCloseTo(auc, 1.7);
    expect(means('order')['auc']).toBeLessThan(0.57);
    expect(Math.abs(means('order')['auc']! - reported)).toBeLessThan(0.02);
  },
);

test.skipIf(!existsSync(sample))(
  'and so it is on the lists and clicks of a sample of MIND (skipped without FERRY_DATA)',
  async () => {
    const impressions = (await readMind(sample)).splits['all']!;
    const random = RandomStream.fromSeed(7);
    for (const [auc, shift, reported] of rankings) {
      const scores = Array.from(impressions.labels!, (label) => random.normal() + shift * label);
      const of = (submit: 'rank' | 'order'): number =>
        summariseImpressions(evaluateImpressions(impressions, scores, { submit })).means['auc']!;
      expect(of('rank')).toBeCloseTo(auc, 1.7);
      expect(of('order')).toBeLessThan(0.57);
      expect(Math.abs(of('order') - reported)).toBeLessThan(0.02);
    }
  },
);

test('what cannot be evaluated is named', () => {
  const impressions = withLabels([
    [0, 1],
    [1, 0, 0],
  ]);
  expect(() => evaluateImpressions(impressions, [1, 2, 3, NaN, 5])).toThrow(
    /got NaN for candidate 2 of impression 2/,
  );
  expect(() => evaluateImpressions(impressions, [1, 2])).toThrow(/one for each of 5 candidates, got 2/);
  const unlabelled = { ...impressions };
  delete unlabelled.labels;
  expect(() => evaluateImpressions(unlabelled, [1, 2, 3, 4, 5])).toThrow(/has no labels/);
});

test('infinite scores are equal to themselves', () => {
  for (const ties of impressionTies) {
    const finite = valuesOf([0, 1, 0, 1], [1, 1, 0, 0], { ties });
    expect(valuesOf([0, 1, 0, 1], [Infinity, Infinity, -Infinity, -Infinity], { ties })).toEqual(finite);
  }
});

test.each(impressionTies)("clicks' shares of the area under the curve add up to it: %s", (ties) => {
  const { labels, scores } = randomImpressions(2000, { longest: 15, values: 5, seed: 8 });
  const { values } = evaluateImpressions(withLabels(labels), scores.flat(), { ties });
  const [better, tied, ends]: [number[], number[], number[]] = [[], [], []];
  labels.forEach((own, row) => {
    own.forEach((label, at) => {
      if (label !== 1) return;
      const score = scores[row]![at]!;
      better.push(scores[row]!.filter((other) => other > score).length);
      tied.push(scores[row]!.filter((other) => other === score).length - 1);
    });
    ends.push(better.length);
  });
  const found = clickedAuc(
    {
      better: Int32Array.from(better),
      tied: Int32Array.from(tied),
      relevantEnds: Int32Array.from(ends),
      candidates: labels.map((own) => own.length),
    },
    ties,
  );
  let seen = 0;
  ends.forEach((end, row) => {
    const own = found.subarray(ends[row - 1] ?? 0, end);
    if (own.length === 0) return;
    const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
    const whole = values['auc']![row]!;
    if (Number.isNaN(whole)) expect(mean).toBeNaN();
    else expect(mean).toBeCloseTo(whole, 12);
    if (own.length > 1) seen++;
  });
  expect(seen).toBeGreaterThan(500);
});
