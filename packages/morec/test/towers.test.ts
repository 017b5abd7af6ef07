import { RandomStream, selectBackend, tf } from '@ferry/engine';
import { createCatalogue, createRecommender, type SequentialModel } from '@ferry/sequential';
import { beforeAll, describe, expect, it } from 'vitest';
import { bert4rec, dssm, gru4rec, sasrec } from '../src/index.ts';

beforeAll(async () => {
  await selectBackend('cpu');
});

const [N, F] = [40, 64];

/** Vectors of length 1. */
function directions() {
  const random = RandomStream.fromSeed(2);
  const data = Float32Array.from({ length: N * F }, () => random.normal());
  for (let item = 0; item < N; item++) {
    const row = data.subarray(item * F, (item + 1) * F);
    const length = Math.hypot(...row);
    row.forEach((value, f) => (row[f] = value / length));
  }
  const present = new Uint8Array(N).fill(1);
  return { modality: 'text' as const, encoder: 'noise', count: N, width: F, data, present };
}

/** Standard deviation of an item's numbers about the mean of all items. */
function spread(model: SequentialModel, settings: object): number {
  const featureWidths = { text: F };
  const given = model.options.parse(settings) as object;
  const options = model.complete?.(given, { task: 'finetune', featureWidths }) ?? given;
  const catalogue = createCatalogue({ featureWidths }, [{ items: N, text: directions() }]);
  const recommender = createRecommender(model, { options, catalogue, seed: 1 });
  const step = { p: recommender.parameters, options, held: {}, random: undefined };
  const { vectors } = model.items(step, catalogue.inputs) as { vectors: tf.Tensor2D };
  const rows = tf.slice(vectors, [1, 0]);
  const variance = tf.mean(tf.square(tf.sub(rows, tf.mean(rows, 0, true))));
  return Math.sqrt(variance.dataSync()[0]!);
}

describe('a tower of features as it begins', () => {
  it.each<[string, SequentialModel, object]>([
    ['SASRec, s3rec', sasrec, {}],
    ['SASRec, paper', sasrec, { preset: 'paper' }],
    ['SASRec, morec', sasrec, { preset: 'morec' }],
    ['BERT4Rec', bert4rec, {}],
    ['GRU4Rec', gru4rec, {}],
    ['DSSM', dssm, { user: 'history' }],
  ])('tells items apart behind three layers: %s', (_, model, settings) => {
    const tower = { ids: false, features: true, layers: 3, activation: 'all' };
    // A vector of length 1 has numbers of 1/8; a layer keeps their size, and GELU halves it.
    expect(spread(model, { ...settings, width: 64, tower })).toBeCloseTo(1 / 8 / 8, 2);
  });
});
