import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readDomain } from '@ferry/data';
import { selectBackend } from '@ferry/engine';
import {
  createCatalogue,
  createRanking,
  createRecommender,
  evaluateRecommender,
  restoreRecommender,
} from '@ferry/sequential';
import { beforeAll, expect, it } from 'vitest';
import { importSasrec, sasrec } from '../src/index.ts';

const root = process.env['FERRY_DATA'] ?? resolve(import.meta.dirname, '../../../../shared/data');
const file = join(root, 'checkpoints/sasrec-beauty.pt');

/** Test metrics of an S3Rec checkpoint on a file of sequences, items of the history left out. */
async function metricsOf(
  file: string,
  sequences: string,
  k: number[],
  heads?: number,
): Promise<Record<string, number>> {
  const domain = await readDomain(sequences);
  const { ids } = domain.items;
  const { options, tensors, ignored } = importSasrec(readFileSync(file), { file, ids, heads });
  expect(ignored).toEqual([]);
  const catalogue = createCatalogue({ featureWidths: {} }, [{ items: ids.length }]);
  const recommender = createRecommender(sasrec, { options, catalogue, seed: 1 });
  await restoreRecommender(recommender, tensors, file);
  const ranking = createRanking(recommender);
  const { metrics } = await evaluateRecommender(ranking, recommender, domain.test, { k, history: 'mask' });
  ranking.dispose();
  recommender.dispose();
  return metrics;
}

beforeAll(async () => {
  await selectBackend('ort');
});

it('a small checkpoint gives the digits of its PyTorch twin on sixty short histories', async () => {
  // tools/parity/published.py.
  const folder = mkdtempSync(join(tmpdir(), 'ferry-sasrec-'));
  const lines = Array.from({ length: 60 }, (_, user) => {
    const items = Array.from({ length: 3 + ((user * 7) % 4) }, (_, j) => {
      const step = [1, 3, 5, 7][user % 4]!;
      return ((user * 5 + j * step) % 8) + 1;
    });
    return `${user} ${items.join(' ')}\n`;
  });
  const sequences = join(folder, 'Small.txt');
  writeFileSync(sequences, lines.join(''));
  const file = join(import.meta.dirname, 'fixtures/s3rec.pt');
  const metrics = await metricsOf(file, sequences, [1, 2, 3], 2);
  rmSync(folder, { recursive: true });
  const digits = (name: string) => metrics[name]!.toFixed(6);
  expect(['recall@1', 'recall@2', 'recall@3'].map(digits)).toEqual(['0.366667', '0.500000', '0.866667']);
  expect(['ndcg@1', 'ndcg@2', 'ndcg@3'].map(digits)).toEqual(['0.366667', '0.450791', '0.634124']);
});

it.skipIf(!existsSync(file))(
  'a published checkpoint of SASRec on Beauty gives the published digits (needs FERRY_DATA)',
  async () => {
    const metrics = await metricsOf(file, join(root, 's3rec-beauty/Beauty.txt'), [5, 10, 20]);
    const digits = (name: string) => metrics[name]!.toFixed(4);
    expect(['recall@5', 'recall@10', 'recall@20'].map(digits)).toEqual(['0.0370', '0.0591', '0.0919']);
    expect(['ndcg@5', 'ndcg@10', 'ndcg@20'].map(digits)).toEqual(['0.0242', '0.0312', '0.0394']);
  },
  180_000,
);
