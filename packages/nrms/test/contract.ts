/** What every news model must do: one line in a test file runs it all. */
import { RandomStream, selectBackend, tf } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createNewsRecommender,
  createNewsScorer,
  createNewsTraining,
  knownUsers,
  newsCatalogue,
  readNewsWords,
  type AnyNewsModel,
  type EncodedNews,
  type Impressions,
  type NewsOptions,
  type NewsRecommender,
  type NewsTraining,
} from '../src/index.ts';
import { areaOf, impressionsOf, N, news } from './world.ts';

/** How a model is tried. */
export interface ContractOptions {
  /** Settings of the model. */
  settings?: object;
  /** Settings of its first objective. */
  objective?: object;
  /** Pre-computed vectors. */
  features?: Partial<Record<Modality, FeatureMatrix>>;
  /** Makes encoders that are trained with it. */
  encoded?: () => Promise<EncodedNews>;
  /** Epochs after which it knows the world. */
  epochs?: number;
  /** Learning rate. */
  learningRate?: number;
  /** Whether it can rank news that training never showed. */
  ranksNew?: boolean;
  /** Area under the ROC curve it must reach. */
  reaches?: number;
}

const train = impressionsOf(240, { seed: 1 });
// Of other users than those of the training, whose numbers would say another taste.
const users = 1000;
const strangers = (some: Impressions): Impressions => ({
  ...some,
  users: some.users.map((user) => user + 500),
});
const test = strangers(impressionsOf(120, { seed: 2 }));

/** A model on the world. */
export async function worldRecommender(
  model: AnyNewsModel,
  {
    settings = {},
    features = {},
    encoded,
    training = train,
    seed = 1,
  }: ContractOptions & { training?: Impressions; seed?: number } = {},
): Promise<NewsRecommender> {
  const options = model.complete(model.options.parse(settings) as object) as NewsOptions;
  const reading = model.words?.(options);
  const words = reading && (await readNewsWords(news, reading, training));
  const catalogue = newsCatalogue(news, {
    views: model.views?.(options) ?? [],
    features,
    ...(encoded && { encoded: await encoded() }),
    ...(model.knowsUsers && { users: knownUsers(training, { size: users, findText: () => -1 }) }),
    words,
  });
  return createNewsRecommender(model, { options, catalogue, seed });
}

/** Trains it. */
export async function trainOn(
  recommender: NewsRecommender,
  {
    training = train,
    epochs = 4,
    objective = {},
    learningRate = 0.003,
    weightDecay = 0,
    first = 0,
  }: {
    training?: Impressions;
    epochs?: number;
    objective?: object;
    learningRate?: number;
    weightDecay?: number;
    first?: number;
  } = {},
): Promise<{ made: NewsTraining; losses: number[] }> {
  const [definition] = Object.values(recommender.model.objectives);
  const ready = definition!.create(definition!.options.parse(objective) as object);
  const made = createNewsTraining({
    recommender,
    objective: ready,
    train: training,
    batchSize: 32,
    learningRate,
    weightDecay,
  });
  const losses: number[] = [];
  await continueTraining(made, { epochs, first, losses });
  return { made, losses };
}

/** Goes on with a training from an epoch. */
export async function continueTraining(
  made: NewsTraining,
  { epochs, first = 0, losses = [] }: { epochs: number; first?: number; losses?: number[] },
): Promise<void> {
  const root = RandomStream.fromSeed(11);
  const perEpoch = made.batchCount(0);
  for (let epoch = first; epoch < epochs; epoch++) {
    let step = epoch * perEpoch;
    for (const batch of made.batches(epoch, root.split('batches', epoch)))
      losses.push((await made.trainStep(batch, { epoch, step: step++, random: root.split('steps') })).loss);
  }
}

/** Scores of impressions with the present weights. */
export async function scoresOf(
  recommender: NewsRecommender,
  impressions: Impressions,
  batchSize = 64,
): Promise<Float32Array> {
  const scorer = createNewsScorer(recommender, { batchSize });
  try {
    return await scorer.score(impressions);
  } finally {
    scorer.dispose();
  }
}

/** The same impressions, some of them. */
function rowsOf(impressions: Impressions, row: number): Impressions {
  const { candidates, labels } = impressions;
  const [from, to] = [candidates.offsets[row]!, candidates.offsets[row + 1]!];
  return {
    ...impressions,
    count: 1,
    historyStarts: impressions.historyStarts.slice(row, row + 1),
    historyEnds: impressions.historyEnds.slice(row, row + 1),
    candidates: { offsets: Int32Array.of(0, to - from), values: candidates.values.slice(from, to) },
    labels: labels!.slice(from, to),
  };
}

/** Runs the contract. */
export function contractOf(model: AnyNewsModel, options: ContractOptions = {}): void {
  const { ranksNew = true, reaches = 0.8, epochs = 4, objective = {}, learningRate } = options;
  describe(`${model.title} ${JSON.stringify(options.settings ?? {})} keeps the contract`, () => {
    let made: { dispose(): void }[] = [];
    beforeAll(async () => {
      await selectBackend('ort');
    });
    afterEach(() => {
      for (const one of made) one.dispose();
      made = [];
    });
    const fresh = async (seed = 1): Promise<NewsRecommender> => {
      const recommender = await worldRecommender(model, { ...options, seed });
      made.push(recommender);
      return recommender;
    };

    it('learns what users click, scores a batch as each alone, and ranks new news', async () => {
      // Where it can rank new news, the last third of them is shown in a test alone.
      const shown = ranksNew ? knownPart : (some: Impressions): Impressions => some;
      const training = shown(train);
      const recommender = await worldRecommender(model, { ...options, training });
      const trained = await trainOn(recommender, {
        training,
        epochs,
        objective,
        learningRate,
      });
      made.push(recommender, trained.made);
      const rows = shown(test);
      const scores = await scoresOf(recommender, rows);
      expect(scores.every(Number.isFinite)).toBe(true);
      expect(areaOf(rows, scores)).toBeGreaterThan(reaches);
      for (const row of [0, 7, 50]) {
        const alone = await scoresOf(recommender, rowsOf(rows, row));
        const from = rows.candidates.offsets[row]!;
        const largest = Math.max(...Array.from(alone, Math.abs), 1);
        alone.forEach((score, c) => {
          expect(Math.abs(score - scores[from + c]!) / largest).toBeLessThan(1e-5);
        });
      }
      if (!ranksNew) return;
      const late = strangers(impressionsOf(100, { seed: 5, from: 80 }));
      expect(areaOf(late, await scoresOf(recommender, late))).toBeGreaterThan(reaches - 0.15);
    });

    it('gives one result for one seed, and goes on exactly from what was saved', async () => {
      const [a, b] = [await fresh(), await fresh()];
      const whole = await trainOn(a, { epochs: 2, objective });
      const half = await trainOn(b, { epochs: 1, objective });
      made.push(whole.made, half.made);
      const kept = [...b.weights(), ...half.made.optimizerState()].map(
        ([name, v]) => [name, v.dataSync().slice()] as const,
      );
      const buffers = b.buffers();
      const c = await fresh(2);
      const resumed = await trainOn(c, { epochs: 0, objective });
      made.push(resumed.made);
      const targets = new Map([...c.weights(), ...resumed.made.optimizerState()]);
      for (const [name, values] of kept)
        tf.tidy(() => {
          const to = targets.get(name)!;
          to.assign(tf.tensor(values, to.shape, to.dtype));
        });
      c.restoreBuffers(buffers);
      await continueTraining(resumed.made, { epochs: 2, first: 1 });
      const wanted = a.weights();
      for (const [name, variable] of c.weights())
        expect([...variable.dataSync()], name).toEqual([...wanted.get(name)!.dataSync()]);
    });

    it('bears users without clicks and news it knows nothing of', async () => {
      const recommender = await fresh();
      const strange: Impressions = {
        ...rowsOf(test, 0),
        history: Int32Array.of(N, N - 1),
        historyStarts: Int32Array.of(0),
        historyEnds: Int32Array.of(2),
        candidates: { offsets: Int32Array.of(0, 3), values: Int32Array.of(N, 1, N - 2) },
        labels: Uint8Array.of(0, 1, 0),
      };
      expect((await scoresOf(recommender, strange)).every(Number.isFinite)).toBe(true);
      const nobody = { ...strange, historyEnds: Int32Array.of(0) };
      expect((await scoresOf(recommender, nobody)).every(Number.isFinite)).toBe(true);
    });

    it('has the same numbers on cpu', async () => {
      const few = impressionsOf(6, { seed: 9, history: 5 });
      const recommender = await fresh();
      const { made: training, losses } = await trainOn(recommender, { training: few, epochs: 1, objective });
      made.push(training);
      const scores = await scoresOf(recommender, few);
      await selectBackend('cpu');
      try {
        const other = await worldRecommender(model, options);
        const again = await trainOn(other, { training: few, epochs: 1, objective });
        const theirs = await scoresOf(other, few);
        again.losses.forEach((loss, i) => {
          expect(loss).toBeCloseTo(losses[i]!, 4);
        });
        const largest = Math.max(...Array.from(scores, Math.abs));
        theirs.forEach((score, i) => {
          expect(Math.abs(score - scores[i]!) / largest).toBeLessThan(1e-3);
        });
        again.made.dispose();
        other.dispose();
      } finally {
        await selectBackend('ort');
      }
    });
  });
}

/** A news of the same topic among the first ones. */
const early = (number: number): number => (number < 80 ? number : number - 40);

/** The same impressions, of the first two thirds of the news. */
function knownPart(impressions: Impressions): Impressions {
  const { candidates, history } = impressions;
  return {
    ...impressions,
    candidates: { ...candidates, values: candidates.values.map(early) },
    history: history.map(early),
  };
}
