import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readDomain, type Sequences } from '@ferry/data';
import { selectBackend } from '@ferry/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  baselineScores,
  easeBaseline,
  easeWeights,
  evaluateRanking,
  invertPanels,
  panelsOf,
} from '../src/index.ts';
import { mixed } from '../../data/test/generated.ts';
import { rowsOf } from './helpers.ts';

beforeAll(async () => {
  await selectBackend('ort');
});

describe('EASE', () => {
  // The users of tools/parity/ease.py.
  const users = Array.from({ length: 200 }, (_, user) =>
    Array.from({ length: 3 + (mixed(user) % 9) }, (_, t) => (mixed(1000 + 97 * user + t) % 40) + 1),
  );
  let end = 0;
  const ends = Int32Array.from(users, (own) => (end += own.length));
  const training: Sequences = {
    items: Int32Array.from(users.flat()),
    starts: ends.map((to, i) => to - users[i]!.length),
    ends: ends.map((to) => to - 2),
  };

  it('has the weights and the results of a numpy twin, whatever the blocks', async () => {
    for (const block of [7, 40, 64]) {
      const weights = await easeWeights(training, 40, { regularisation: 20, block });
      [
        [0, 0.018227196, 0.00258923, -0.034045519],
        [0.022771743, 0, 0.018633095, 0.015895764],
        [0.002775493, 0.015987413, 0, 0.020095498],
      ].forEach((row, i) => {
        row.forEach((value, j) => {
          expect(weights[i * 40 + j]).toBeCloseTo(value, 6);
        });
      });
      const { metrics } = await evaluateRanking({
        rows: rowsOf(users.map((own) => [own.slice(0, -1), own.at(-1)!] as const)),
        count: 40,
        history: 'mask',
        scores: baselineScores(easeBaseline(weights, 40), 40),
      });
      expect(metrics['recall@10']).toBeCloseTo(0.39, 5);
      expect(metrics['ndcg@10']).toBeCloseTo(0.179944, 5);
      expect(metrics['ndcg@50']).toBeCloseTo(0.317609, 5);
    }
    await expect(easeWeights(training, 40, { regularisation: 0 })).rejects.toThrow(/above 0, got 0/);
  });

  it('inverts in place, and says where there is no inverse', async () => {
    const panels = panelsOf(3, 2);
    // [[4,1,0],[1,3,1],[0,1,2]], of determinant 18.
    panels.rows[0]!.data.set([4, 0, 1, 3]);
    panels.rows[1]!.data.set([0, 1, 2], 0);
    await invertPanels(panels);
    const [first, last] = panels.rows.map(({ data }) => data);
    for (const [found, expected] of [
      [
        [first![0], first![2], first![3]],
        [5, -2, 8],
      ],
      [last!.subarray(0, 3), [1, -4, 11]],
    ] as const)
      expected.forEach((value, i) => {
        expect(found[i]).toBeCloseTo(value / 18, 6);
      });
    const singular = panelsOf(2, 2);
    singular.rows[0]!.data.set([1, 1, 1, 1]);
    await expect(invertPanels(singular)).rejects.toThrow(/positive definite, got a pivot of 0/);
  });

  const root = process.env['FERRY_DATA'] ?? join(import.meta.dirname, '../../../../shared/data');
  const there = existsSync(join(root, 'domains/ml100k'));
  it.skipIf(!there)(
    `gives numpy's digits on ml100k${there ? '' : ' (skipped: FERRY_DATA lacks it)'}`,
    async () => {
      const domain = await readDomain(join(root, 'domains/ml100k'));
      const count = domain.items.ids.length;
      const weights = await easeWeights(domain.training, count, { regularisation: 250 });
      const { metrics } = await evaluateRanking({
        rows: domain.test,
        count,
        history: 'mask',
        lengths: 'longest',
        scores: baselineScores(easeBaseline(weights, count), count),
      });
      // tools/parity/ease.py: .139979, .071751, .389183, .125809.
      expect(metrics['recall@10']).toBeCloseTo(0.139979, 4);
      expect(metrics['ndcg@10']).toBeCloseTo(0.071751, 4);
      expect(metrics['recall@50']).toBeCloseTo(0.389183, 4);
      expect(metrics['ndcg@50']).toBeCloseTo(0.125809, 4);
    },
  );
});
