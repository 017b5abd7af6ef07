import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDomain, type Domain } from '@ferry/data';
import { selectBackend, tf } from '@ferry/engine';
import { baselineScores, evaluateRanking, popularity } from '@ferry/evaluation';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createCatalogue,
  createRanking,
  createRecommender,
  evaluateRecommender,
  latestItems,
  topLists,
} from '../src/index.ts';
import { meanModel, type MeanModel } from './meanModel.ts';

/**
 * 100 users of 82 interactions: ten hits (items 1..10) that everybody begins with, 70 of 700 other items (11..710), a
 * hit again, and a hit as the item to find. A model that sees 50 items does not see the ten.
 */
const N = 710;
const hit = (h: number): string => `h${h % 10}`;
const items = [
  ...Array.from({ length: 10 }, (_, h) => hit(h)),
  ...Array.from({ length: 700 }, (_, x) => `x${x}`),
];
const users = Array.from({ length: 100 }, (_, u) => ({
  user: `u${u}`,
  items: [
    ...items.slice(0, 10),
    ...Array.from({ length: 70 }, (__, l) => `x${(7 * u + l) % 700}`),
    hit(u),
    hit(u + 3),
  ],
}));

const folder = mkdtempSync(join(tmpdir(), 'ferry-whole-'));
let domain: Domain;
beforeAll(async () => {
  await selectBackend('ort', { threads: 1, log: () => undefined });
  const lines = (values: object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  writeFileSync(join(folder, 'items.jsonl'), lines(items.map((id) => ({ id, title: id }))));
  writeFileSync(join(folder, 'sequences.jsonl'), lines(users));
  domain = await readDomain(folder);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** 0 for hits, the same positive number for all others. */
const worth = (item: number): number => (item > 10 ? 1 : 0);

it('masks the whole history, of which the model sees the last 50 items', async () => {
  const catalogue = createCatalogue({ featureWidths: {} }, [{ items: N }]);
  const options = meanModel.options.parse({ width: 1, positions: 50 }) as MeanModel['options'];
  const recommender = createRecommender(meanModel, { options, catalogue, seed: 1 });
  const table = Float32Array.from({ length: N + 1 }, (_, item) => worth(item));
  [...recommender.weights().values()][0]!.assign(tf.tensor2d(table, [N + 1, 1]));
  const ranking = createRanking(recommender);
  // 79 items of the first user's history are out, the other nine hits among them; 630 come before the target.
  for (const inBlocks of [false, true]) {
    const { ranks } = await evaluateRecommender(ranking, recommender, domain.test, {
      history: 'mask',
      inBlocks,
    });
    expect(ranks[0]).toBe(631);
  }
  ranking.dispose();
  recommender.dispose();
});

it('gives another rank where only what the model sees is masked', async () => {
  // Of 660 candidates nine are hits, the target one of them: 651 + the middle of nine.
  const { ranks } = await evaluateRanking({
    rows: latestItems(domain.test, 50),
    count: N,
    history: 'mask',
    scores: ({ size }) => Float32Array.from({ length: size * (N + 1) }, (_, at) => worth(at % (N + 1))),
  });
  expect(ranks[0]).toBe(656);
});

it('popularity counts whole histories', async () => {
  const scores = baselineScores(popularity(domain.training, N), N);
  const { metrics } = await evaluateRanking({ rows: domain.test, count: N, scores });
  expect(metrics['recall@10']).toBe(1);
});

it.each(['keep', 'mask'] as const)(
  'lists stand in the order of the ranks, a target that was had before with them: %s',
  async (history) => {
    const catalogue = createCatalogue({ featureWidths: {} }, [{ items: N }]);
    const options = meanModel.options.parse({ width: 1, positions: 50 }) as MeanModel['options'];
    const recommender = createRecommender(meanModel, { options, catalogue, seed: 1 });
    // Every item has a worth of its own, 1..710 in an order without a pattern (710 and 263 share no divisor).
    const table = Float32Array.from({ length: N + 1 }, (_, item) => 1 + ((263 * item) % N));
    [...recommender.weights().values()][0]!.assign(tf.tensor2d(table, [N + 1, 1]));
    const ranking = createRanking(recommender);
    const { test } = domain;
    const { ranks } = await evaluateRecommender(ranking, recommender, test, { history });
    const lists = await topLists(ranking, recommender, test, { depth: N, history });
    ranks.forEach((rank, row) => {
      const list = lists.items.subarray(row === 0 ? 0 : lists.listEnds[row - 1], lists.listEnds[row]);
      const own = new Set(test.items.subarray(test.starts[row], test.ends[row]));
      if (history === 'mask') own.delete(test.targets[row]!);
      expect(list).toHaveLength(history === 'mask' ? N - own.size : N);
      expect(list.indexOf(test.targets[row]!)).toBe(rank - 1);
    });
    ranking.dispose();
    recommender.dispose();
  },
);
