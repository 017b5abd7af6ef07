/**
 * SASRec and DSSM over a text encoder that is trained with them, from nothing: the known answer of a world whose
 * items are told apart by words alone.
 */
import type { Rows } from '@ferry/data';
import { RandomStream, selectBackend } from '@ferry/engine';
import { dssm, sasrec } from '@ferry/morec';
import {
  createCatalogue,
  createRecommender,
  createTraining,
  evaluateRecommender,
  type ModelTypes,
  type SequentialModel,
} from '@ferry/sequential';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createEncoder,
  encoderTower,
  tokenise,
  type Tuning,
  vocabularyTokenizer,
  wordVocabulary,
} from '../src/index.ts';

const N = 24;
const words = [
  ['oak', 'pine', 'moss'],
  ['brass', 'steel', 'zinc'],
];
/** Odd items speak of woods, even ones of metals; the last two have no text. */
const texts = Array.from({ length: N }, (_, i) => {
  const own = words[i % 2]!;
  return i >= N - 2 ? undefined : `${own[i % 3]!} ${own[(i + 1) % 3]!} thing`;
});

/** Users who stay with one kind. */
function rowsOf(users: number, seed: number): Rows {
  const random = RandomStream.fromSeed(seed);
  const pick = (kind: number): number => 1 + kind + 2 * random.integer(N / 2 - 1);
  const histories = Array.from({ length: users }, (_, u) =>
    Array.from({ length: 2 + random.integer(4) }, () => pick(u % 2)),
  );
  const ends = Int32Array.from(histories, () => 0);
  histories.forEach((history, u) => (ends[u] = (ends[u - 1] ?? 0) + history.length));
  return {
    users: Int32Array.from({ length: users }, (_, u) => u),
    items: Int32Array.from(histories.flat()),
    starts: ends.map((end, u) => end - histories[u]!.length),
    ends,
    targets: Int32Array.from({ length: users }, (_, u) => pick(u % 2)),
  };
}

const train = rowsOf(96, 1);
const valid = rowsOf(48, 2);

/**
 * Trains a model over an encoder and tells the losses and how many of the ten best are of the user's kind at least
 * once.
 */
async function endToEnd(model: SequentialModel, settings: object, tuning: Tuning) {
  const random = RandomStream.fromSeed(5);
  const lines = wordVocabulary(
    texts.filter((text) => text !== undefined),
    200,
  );
  const encoder = createEncoder(
    {
      model_type: 'bert',
      vocab_size: lines.length,
      hidden_size: 16,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      intermediate_size: 32,
      max_position_embeddings: 8,
    },
    random.split('encoder'),
    { pooling: 'mean' },
  );
  const tower = encoderTower(encoder, { tuning }, random.split('lora'));
  const content = await tower.content({ ...tokenise(vocabularyTokenizer(lines), texts, 8) });
  const catalogue = createCatalogue(
    { featureWidths: {} },
    [
      {
        items: N,
        users: 96,
        content: Object.fromEntries(Object.entries(content).map(([name, table]) => [`text.${name}`, table])),
        present: { text: Uint8Array.from(texts, (text) => (text === undefined ? 0 : 1)) },
      },
    ],
    { text: tower },
  );
  const parsed = model.options.parse(settings) as object;
  const options =
    model.complete?.(parsed, { featureWidths: { text: tower.width }, task: 'finetune' }) ?? parsed;
  const recommender = createRecommender<ModelTypes>(model, { options, catalogue, seed: 1 });
  const definition = model.objectives['in-batch']!;
  const training = createTraining({
    recommender,
    objective: definition.create(definition.options.parse({}) as object, options),
    train,
    batchSize: 32,
    learningRate: 0.01,
    ...(tower.trained.length > 0 && { groups: [{ match: ['encoders.**'], learningRate: 0.003 }] }),
  });
  const losses: number[] = [];
  for (let epoch = 0; epoch < 12; epoch++)
    for (const batch of training.batches(epoch, random.split('batches', epoch))) {
      const context = { step: losses.length, epoch, random: random.split('steps') };
      losses.push((await training.trainStep(batch, context)).loss);
    }
  const { ranks } = await evaluateRecommender(training.ranking, recommender, valid);
  const trained = [...training.trained.keys()];
  training.dispose();
  recommender.dispose();
  // Eleven items of 24 have a text of the user's kind: with the kind known, a rank is 6 on average, else 12.
  return { losses, rank: ranks.reduce((a, b) => a + b, 0) / ranks.length, trained };
}

const small = { width: 16, dropout: 0, tower: { ids: false, features: true } };

beforeAll(async () => {
  await selectBackend('ort', { threads: 1, log: () => undefined });
});

describe.each([
  {
    name: 'sasrec',
    model: sasrec as unknown as SequentialModel,
    settings: { ...small, layers: 1, heads: 2 },
  },
  { name: 'dssm', model: dssm as unknown as SequentialModel, settings: { ...small, user: 'history' } },
])('$name over a text encoder', ({ model, settings }) => {
  it.each<{ tuning: Tuning }>([
    { tuning: 'all' },
    { tuning: { layers: 1 } },
    { tuning: { lora: { rank: 2, targets: ['layers.*.**.weight'] } } },
  ])('learns from words with tuning $tuning', async ({ tuning }) => {
    const { losses, rank, trained } = await endToEnd(model, settings, tuning);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    expect(rank).toBeLessThan(8.5);
    expect(trained.some((name) => name.startsWith('encoders.text.'))).toBe(true);
    expect(trained.includes('encoders.text.weights.words')).toBe(tuning === 'all');
  });
});
