/** A catalogue whose features stay in their files is ranked as one in memory, without ever being whole. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RandomStream, selectBackend } from '@ferry/engine';
import { openItemBlocks, writeItemBlocks, type FeatureMatrix, type ItemBlocks } from '@ferry/features';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createCatalogue,
  createRanking,
  createRecommender,
  createTraining,
  evaluateRecommender,
  type DomainFeatures,
  type Recommender,
} from '../src/index.ts';
import { meanModel, type MeanModel } from './meanModel.ts';
import { worldFeatures, worldRows } from './world.ts';

/** More than a block of the ranking holds. */
const N = 1100;
const F = 6;
const features = worldFeatures(N, 7, F);
const rows = worldRows(N, 64, 3);
const folder = mkdtempSync(join(tmpdir(), 'ferry-file-catalogue-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function inFile({ modality, data, present, count, width }: FeatureMatrix): Promise<ItemBlocks> {
  const file = join(folder, `${modality}.npy`);
  await writeItemBlocks(file, { count, width }, [data]);
  return openItemBlocks(file, { present });
}

/** Blocks that tell what is read of them: the most rows at once, and how many in all. */
function watched(blocks: ItemBlocks): { blocks: ItemBlocks; most: () => number } {
  let most = 0;
  const rowsOf: ItemBlocks['rows'] = (from, to, into) => {
    most = Math.max(most, to - from);
    return blocks.rows(from, to, into);
  };
  return { blocks: { ...blocks, rows: rowsOf }, most: () => most };
}

function recommenderOf(domain: DomainFeatures, ids: boolean): Recommender<MeanModel> {
  const options = meanModel.options.parse({ items: { ids, features: true } }) as MeanModel['options'];
  const catalogue = createCatalogue({ featureWidths: { text: F, image: F } }, [domain]);
  return createRecommender(meanModel, { options, catalogue, seed: 1 });
}

async function lossOf(recommender: Recommender<MeanModel>): Promise<number> {
  const definition = meanModel.objectives['softmax']!;
  const objective = definition.create(definition.options.parse({}) as object, recommender.options);
  const training = createTraining({ recommender, objective, train: rows, batchSize: 32 });
  const [batch] = [...training.batches(0, RandomStream.fromSeed(1))];
  const context = { step: 0, epoch: 0, random: RandomStream.fromSeed(2) };
  const { loss } = await training.trainStep(batch!, context);
  training.dispose();
  return loss;
}

describe('a catalogue in files', () => {
  beforeAll(async () => {
    await selectBackend('ort', { threads: 1, log: () => undefined });
  });

  it.each([false, true])('has the ranks of one in memory (with IDs: %s)', async (ids) => {
    const text = watched(await inFile(features.text));
    const image = watched(await inFile(features.image));
    const stored = recommenderOf({ text: text.blocks, image: image.blocks }, ids);
    const inMemory = recommenderOf(features, ids);
    const ranking = createRanking(stored);
    const expected = createRanking(inMemory);
    for (const without of [[], ['text'], ['image']] as const) {
      const want = await evaluateRecommender(expected, inMemory, rows, { without, inBlocks: true });
      const got = await evaluateRecommender(ranking, stored, rows, { without });
      expect([...got.ranks]).toEqual([...want.ranks]);
    }
    expect(text.most()).toBeLessThan(N);
    expect(image.most()).toBeLessThan(N);
    for (const made of [ranking, expected, stored, inMemory]) made.dispose();
    for (const { blocks } of [text, image]) blocks.close();
  });

  it('is trained like one in memory: then its features are read once, whole', async () => {
    const text = watched(await inFile(features.text));
    const stored = recommenderOf({ text: text.blocks, image: await inFile(features.image) }, false);
    const inMemory = recommenderOf(features, false);
    expect(await lossOf(stored)).toBe(await lossOf(inMemory));
    expect(text.most()).toBe(N);
    for (const made of [stored, inMemory]) made.dispose();
  });

  it('must be of one domain and have all its modalities in files', async () => {
    const text = await inFile(features.text);
    const make = (domains: DomainFeatures[]) => () =>
      createCatalogue({ featureWidths: { text: F, image: F } }, domains);
    expect(make([{ text, image: features.image }])).toThrow(
      'got 1 domains, text by blocks of text and image',
    );
    const image = await inFile(features.image);
    expect(make([{ text, image }, features])).toThrow('got 2 domains, text and image by blocks');
    expect(make([{ text, image, words: features.text }])).toThrow('and words dropped');
  });
});
