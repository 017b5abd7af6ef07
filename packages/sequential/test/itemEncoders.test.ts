/**
 * Encoders that are trained with a model: what they give is a feature like any other, made once an item, and their
 * weights move with the model's.
 */
import { embedding, RandomStream, selectBackend, tf } from '@ferry/engine';
import type { FeatureMatrix } from '@ferry/features';
import { parameter } from '@ferry/nn';
import type { ItemEncoder } from '@ferry/training';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  captureRecommender,
  createCatalogue,
  createRanking,
  createRecommender,
  createTraining,
  type DomainFeatures,
  evaluateRecommender,
  type Recommender,
  restoreRecommender,
} from '../src/index.ts';
import { meanModel, type MeanModel } from './meanModel.ts';
import { worldFeatures, worldRows } from './world.ts';

const N = 20;
const F = 6;
const train = worldRows(N, 96, 2);
const valid = worldRows(N, 32, 3);
const options = meanModel.options.parse({ items: { ids: false, features: true } }) as MeanModel['options'];

/** Rows that the encoder was asked for, as its graph is made. */
let encodedRows: number[] = [];

/** An encoder that looks vectors up: item i has code i - 1, and code N is that of items without a text. */
function lookUp(table: Float32Array, trained: readonly string[], microBatch?: number): ItemEncoder {
  return {
    width: F,
    parameters: { table: parameter(table, [N + 1, F]), idle: parameter(new Float32Array(2), [2]) },
    trained,
    microBatch,
    vectors: (p, { codes }) => {
      encodedRows.push(codes!.shape[0]);
      return embedding(p['table'] as tf.Tensor, tf.reshape(codes!, [-1]));
    },
  };
}

const text = worldFeatures(N, 7, F).text;
/** Every fifth item has no text. */
const present = text.present.map((_, i) => (i % 5 === 4 ? 0 : 1));
const matrix: FeatureMatrix = {
  ...text,
  present,
  data: text.data.map((value, at) => value * present[Math.floor(at / F)]!),
};
const table = Float32Array.from([...text.data, ...new Float32Array(F).fill(9)]);
const codes = Int32Array.from({ length: N }, (_, i) => (present[i] === 1 ? i : N));

function recommenderOf(domain: DomainFeatures, encoder?: ItemEncoder): Recommender<MeanModel> {
  const widths = encoder ? {} : { text: F };
  const catalogue = createCatalogue(
    { featureWidths: widths },
    [{ ...domain, items: N }],
    encoder && { text: encoder },
  );
  return createRecommender(meanModel, { options, catalogue, seed: 1 });
}

const encoded = (trained: readonly string[], microBatch?: number): Recommender<MeanModel> =>
  recommenderOf(
    { content: { 'text.codes': { shape: [N, 1], data: codes } }, present: { text: present } },
    lookUp(table, trained, microBatch),
  );

async function trainedBy(
  recommender: Recommender<MeanModel>,
  steps: number,
  objectiveName = 'in-batch',
): Promise<{ losses: number[]; metrics: number[][] }> {
  const definition = meanModel.objectives[objectiveName]!;
  const objective = definition.create(definition.options.parse({}) as object, options);
  const training = createTraining({ recommender, objective, train, batchSize: 32, learningRate: 0.02 });
  const root = RandomStream.fromSeed(1);
  const losses: number[] = [];
  for (let epoch = 0; losses.length < steps; epoch++)
    for (const batch of training.batches(epoch, root.split('batches', epoch)))
      if (losses.length < steps) {
        const context = { step: losses.length, epoch, random: root.split('steps') };
        losses.push((await training.trainStep(batch, context)).loss);
      }
  const metrics: number[][] = [];
  for (const without of [[], ['text'] as const])
    for (const inBlocks of [false, true]) {
      const found = await evaluateRecommender(training.ranking, recommender, valid, { inBlocks, without });
      metrics.push(Array.from(found.ranks));
    }
  training.dispose();
  return { losses, metrics };
}

describe.each(['ort', 'cpu'] as const)('an encoder on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend, { threads: 1, log: () => undefined });
  });
  beforeEach(() => {
    encodedRows = [];
    tf.engine().startScope();
  });
  afterEach(() => {
    tf.disposeVariables();
    tf.engine().endScope();
  });

  it('that is not trained is a table of stored features', async () => {
    const stored = await trainedBy(recommenderOf({ text: matrix }), 6);
    const frozen = encoded([]);
    const found = await trainedBy(frozen, 6);
    for (const [i, loss] of found.losses.entries()) expect(loss).toBeCloseTo(stored.losses[i]!, 5);
    expect(found.metrics).toEqual(stored.metrics);
    expect(frozen.weights().get('encoders.text.table')!.dataSync()).toEqual(table);
  });

  it('that is trained moves with the model, and nothing of it that is not to', async () => {
    const recommender = encoded(['table']);
    const { losses, metrics } = await trainedBy(recommender, 12);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    const moved = recommender.weights().get('encoders.text.table')!.dataSync();
    const changed = Array.from({ length: N + 1 }, (_, row) =>
      moved.slice(row * F, (row + 1) * F).some((value, f) => value !== table[row * F + f]),
    );
    // What stands for a missing text is not read, whatever the encoder makes of it.
    expect(changed).toEqual([...Array.from(present, (flag) => flag === 1), false]);
    expect(recommender.weights().get('encoders.text.idle')!.dataSync()).toEqual(new Float32Array(2));
    // In blocks or as a whole, with texts or without.
    expect(metrics[0]).toEqual(metrics[1]);
    expect(metrics[2]).toEqual(metrics[3]);
    expect(metrics[0]).not.toEqual(metrics[2]);
    // Weights go to a file and back with the model's.
    const stored = await captureRecommender(recommender);
    const again = encoded(['table']);
    await restoreRecommender(again, stored.tensors, 'memory');
    const ranking = createRanking(again);
    const { ranks } = await evaluateRecommender(ranking, again, valid);
    expect(Array.from(ranks)).toEqual(metrics[0]);
    ranking.dispose();
  });

  it('encodes each distinct item of a step once', async () => {
    await trainedBy(encoded(['table']), 1);
    // 32 histories of up to eight items and their targets, but 20 distinct items and padding.
    expect(encodedRows[0]).toBeLessThanOrEqual(N + 1);
  });

  it.each(['in-batch', 'softmax'])('moves as it does whole when items pass in parts (%s)', async (name) => {
    const whole = encoded(['table']);
    const parts = encoded(['table'], 4);
    const want = await trainedBy(whole, 6, name);
    encodedRows = [];
    const found = await trainedBy(parts, 6, name);
    if (backend === 'ort') expect(new Set(encodedRows.slice(0, 2))).toEqual(new Set([4]));
    for (const [i, loss] of found.losses.entries()) expect(loss).toBeCloseTo(want.losses[i]!, 5);
    for (const [key, variable] of whole.weights()) {
      const [own, other] = [variable, parts.weights().get(key)!].map((one) => Array.from(one.dataSync()));
      const worst = own!.reduce((most, value, i) => Math.max(most, Math.abs(value - other![i]!)), 0);
      expect(worst, key).toBeLessThan(1e-5);
    }
  });
});

describe('a catalogue with an encoder', () => {
  it('must say which items have its modality, and hold what it reads', async () => {
    await selectBackend('cpu');
    const encoder = lookUp(table, ['table']);
    expect(() => createCatalogue({ featureWidths: {} }, [{ items: N }], { text: encoder })).toThrow(
      'domain 0 must say which items have text to encode, got nothing',
    );
    const wrong = { items: N, present: { text: new Uint8Array(N - 1) } };
    expect(() => createCatalogue({ featureWidths: {} }, [wrong], { text: encoder })).toThrow(
      'must have as many rows',
    );
  });
});
