import { existsSync, readFileSync } from 'node:fs';
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
import { expect, it } from 'vitest';
import { importSasrec, sasrec } from '../src/index.ts';

const root = process.env['FERRY_DATA'] ?? resolve(import.meta.dirname, '../../../../shared/data');
const file = join(root, 'checkpoints/sasrec-beauty.pt');

it.skipIf(!existsSync(file))(
  'a published checkpoint of SASRec on Beauty gives the published digits (needs FERRY_DATA)',
  async () => {
    await selectBackend('ort');
    const domain = await readDomain(join(root, 's3rec-beauty/Beauty.txt'));
    const { ids } = domain.items;
    const { options, tensors, ignored } = importSasrec(readFileSync(file), { file, ids });
    expect(ignored).toEqual([]);
    const catalogue = createCatalogue({ featureWidths: {} }, [{ items: ids.length }]);
    const recommender = createRecommender(sasrec, { options, catalogue, seed: 1 });
    await restoreRecommender(recommender, tensors, file);
    const ranking = createRanking(recommender);
    const { metrics } = await evaluateRecommender(ranking, recommender, domain.test, {
      k: [5, 10, 20],
      history: 'mask',
    });
    const digits = (name: string) => metrics[name]!.toFixed(4);
    expect(['recall@5', 'recall@10', 'recall@20'].map(digits)).toEqual(['0.0370', '0.0591', '0.0919']);
    expect(['ndcg@5', 'ndcg@10', 'ndcg@20'].map(digits)).toEqual(['0.0242', '0.0312', '0.0394']);
    ranking.dispose();
    recommender.dispose();
  },
  180_000,
);
