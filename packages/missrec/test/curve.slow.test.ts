import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { readDomain } from '@ferry/data';
import { RandomStream, selectBackend } from '@ferry/engine';
import { loadFeatures } from '@ferry/features';
import { createTraining } from '@ferry/sequential';
import { describe, expect, it } from 'vitest';
import { createMissRec, finetuning, missRecOptions } from '../src/index.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const directory = join(process.env['FERRY_DATA'] ?? join(root, '../shared/data'), 'amazon-scientific-clip');
const present = existsSync(directory);

// The released code on this data, PyTorch on CPU, one seed: sum of the losses and validation NDCG@10 of the first epochs.
const reference = [
  { loss: 147.49, ndcg: 0.075 },
  { loss: 138.3, ndcg: 0.0772 },
];

describe('the loss curve on amazon-scientific-clip', () => {
  it.skipIf(!present)(
    `follows the released code's${present ? '' : ` (skipped: ${directory} is missing, set FERRY_DATA)`}`,
    { timeout: 600_000 },
    async () => {
      await selectBackend('ort');
      const domain = await readDomain(directory);
      const text = await loadFeatures(domain, 'text');
      const image = await loadFeatures(domain, 'image');
      const featureWidths = { text: text.width, image: image.width };
      const options = missRecOptions({ preset: 'released', featureWidths });
      const model = createMissRec({ options, features: { text, image }, seed: 2020 });
      const { train, valid } = domain;
      const training = createTraining({ recommender: model, objective: finetuning(options), train, valid });
      // 22 batches, as in the reference
      expect(training.batchCount(0)).toBe(22);
      const random = RandomStream.fromSeed(2020);
      let step = 0;
      for (const [epoch, want] of reference.entries()) {
        await training.beforeEpoch!(epoch, random.split('before', epoch));
        // all tokens in one zero interest, as the released k-means leaves them
        const state = model.state()!;
        expect(new Set(state.lookups.flatMap((lookup) => [...lookup.subarray(1)])).size).toBe(1);
        let sum = 0;
        for (const batch of training.batches(epoch, random.split('batches', epoch)))
          sum += (await training.trainStep(batch, { step: step++, epoch, random: random.split('steps') }))
            .loss;
        expect(Math.abs(sum / want.loss - 1)).toBeLessThan(0.01);
        const metrics = await training.evaluate!('valid');
        // a seed's spread at this point is a few thousandths
        expect(Math.abs(metrics['ndcg@10']! - want.ndcg)).toBeLessThan(0.006);
      }
    },
  );
});
