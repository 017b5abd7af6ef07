import { RandomStream, selectBackend, tf } from '@ferry/engine';
import {
  captureRecommender,
  createRanking,
  createTraining,
  evaluateRecommender,
  recommend,
  type Recommender,
  type RecommenderTraining,
  restoreRecommender,
  type TrainingSettings,
  transferWeights,
} from '@ferry/sequential';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMissRec, finetuning, missRec, type MissRecTypes, pretraining } from '../src/index.ts';
import { backends } from './backends.ts';
import { worldFeatures, worldOptions, worldRows } from './world.ts';

const N = 20;

type Model = Recommender<MissRecTypes>;
type Settings = Omit<TrainingSettings<MissRecTypes>, 'recommender' | 'objective'>;
const createFinetuning = ({ model, ...settings }: Settings & { model: Model }) =>
  createTraining({ recommender: model, objective: finetuning(model.options), ...settings });
const createPretraining = ({ model, ...settings }: Settings & { model: Model }) =>
  createTraining({ recommender: model, objective: pretraining(model.options), ...settings });

/** Runs some epochs as the trainer does and returns the losses. */
async function epochs(
  training: RecommenderTraining<MissRecTypes>,
  from: number,
  to: number,
  seed = 1,
): Promise<number[]> {
  const root = RandomStream.fromSeed(seed);
  const losses: number[] = [];
  for (let epoch = from; epoch < to; epoch++) {
    await training.beforeEpoch?.(epoch, root.split('before', epoch));
    let step = epoch * training.batchCount(epoch);
    for (const batch of training.batches(epoch, root.split('batches', epoch))) {
      const result = await training.trainStep(batch, { step: step++, epoch, random: root.split('steps') });
      losses.push(result.loss);
    }
  }
  return losses;
}

const finite = (losses: number[]) => losses.every(Number.isFinite);

describe.each(backends)('training on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });
  beforeEach(() => {
    tf.engine().startScope();
  });
  afterEach(() => {
    tf.disposeVariables();
    tf.engine().endScope();
  });
  const features = worldFeatures(N, 1);
  const train = worldRows(N, 48, 2);
  const valid = worldRows(N, 24, 3);

  it('fine-tuning starts near ln N, learns, and leaks no tensor', async () => {
    const options = worldOptions({ dropout: 0.1 });
    const model = createMissRec({ options, features, seed: 1 });
    const training = createFinetuning({
      model,
      train,
      valid,
      test: valid,
      batchSize: 48,
      learningRate: 0.02,
    });
    const first = await epochs(training, 0, 1);
    // cosine / τ of random vectors spreads the logits and raises the loss above ln N
    expect(first[0]).toBeGreaterThan(Math.log(N) - 0.5);
    expect(first[0]).toBeLessThan(Math.log(N) + 6);
    const before = await training.evaluate!('valid');
    const tensors = tf.memory().numTensors;
    const later = await epochs(training, 1, 12);
    expect(tf.memory().numTensors).toBe(tensors);
    const after = await training.evaluate!('valid');
    expect(tf.memory().numTensors).toBe(tensors);
    expect(later.at(-1)!).toBeLessThan(first[0]! * 0.8);
    // items of the other kind rank behind: a random target of ten is in the first ten
    expect(after['recall@10']).toBeGreaterThan(before['recall@10']! - 0.05);
    expect(after['recall@10']).toBeGreaterThan(0.8);
    training.dispose();
    model.dispose();
  });

  it('adjusts logits by frequency where its setting says so', async () => {
    const options = worldOptions();
    const definition = missRec.objectives['finetune']!;
    const first = async (settings: object): Promise<number> => {
      const model = createMissRec({ options, features, seed: 1 });
      const objective = definition.create(definition.options.parse(settings) as object, options);
      const training = createTraining({ recommender: model, objective, train, batchSize: 48 });
      const [loss] = await epochs(training, 0, 1);
      training.dispose();
      model.dispose();
      return loss!;
    };
    const plain = await first({});
    expect(await first({ logitAdjustment: 0 })).toBe(plain);
    expect(Math.abs((await first({ logitAdjustment: 2 })) - plain)).toBeGreaterThan(1e-3);
  });

  it('continues exactly from what is saved', async () => {
    const options = worldOptions();
    const make = () => {
      const model = createMissRec({ options, features, seed: 7 });
      return { model, training: createFinetuning({ model, train, batchSize: 24 }) };
    };
    const whole = make();
    const losses = await epochs(whole.training, 0, 3);
    const first = make();
    const firstLosses = await epochs(first.training, 0, 1);
    const second = make();
    const copy = (from: ReadonlyMap<string, tf.Variable>, to: ReadonlyMap<string, tf.Variable>) => {
      for (const [name, variable] of to)
        variable.assign(tf.tensor(from.get(name)!.dataSync(), variable.shape, variable.dtype));
    };
    copy(first.training.parameters(), second.training.parameters());
    copy(first.training.optimizerState(), second.training.optimizerState());
    await second.training.restoreBuffers!(first.training.buffers!());
    const rest = await epochs(second.training, 1, 3);
    expect([...firstLosses, ...rest]).toEqual(losses);
  });

  it('efficient tuning moves adapters, α, the token normalisation and IDs, nothing else', async () => {
    const model = createMissRec({ options: worldOptions(), features, seed: 2 });
    const before = (await captureRecommender(model)).tensors;
    const held = new Map([...before].map(([name, { data }]) => [name, Array.from(data as Float32Array)]));
    const training = createFinetuning({ model, train, batchSize: 24, tuning: 'efficient' });
    await epochs(training, 0, 1);
    const moved = [...model.weights()]
      .filter(([name, variable]) => variable.dataSync().some((value, i) => value !== held.get(name)![i]))
      .map(([name]) => name);
    expect(moved.sort()).toEqual(
      [
        'fusionFactor',
        'imageAdapter.bias',
        'imageAdapter.weight',
        'itemEmbedding.weight',
        'textAdapter.bias',
        'textAdapter.weight',
        'tokenNorm.bias',
        'tokenNorm.weight',
      ].sort(),
    );
    expect(training.counts!()['trainable']).toBe(
      [...training.trained.values()].reduce((sum, { size }) => sum + size, 0),
    );
  });

  it.each([
    ['paper', 'add'],
    ['released', 'add'],
    ['paper', 'contextual'],
  ] as const)(
    'pre-training of two domains (%s, %s) and transfer to a third',
    async (preset, sequenceFusion) => {
      const options = worldOptions({ preset, task: 'pretrain', ids: false, sequenceFusion });
      const words = worldFeatures(N, 21).text;
      const sources = [
        { ...worldFeatures(N, 11), words },
        { ...worldFeatures(12, 12), words: worldFeatures(12, 22).text },
      ];
      const model = createMissRec({
        options: { ...options, itemDropShare: 0.5 },
        features: sources,
        seed: 3,
      });
      expect(model.catalogue.items).toBe(N + 12);
      const training = createPretraining({
        model,
        train: [worldRows(N, 40, 13), worldRows(12, 24, 14)],
        batchSize: 32,
        learningRate: 0.01,
      });
      const losses = await epochs(training, 0, 6);
      expect(losses).toHaveLength(12);
      expect(finite(losses)).toBe(true);
      const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
      expect(mean(losses.slice(-4))).toBeLessThan(mean(losses.slice(0, 4)));

      const target = createMissRec({
        options: worldOptions({ preset, sequenceFusion, ids: true }),
        features,
        seed: 4,
      });
      const stored = (await captureRecommender(model)).tensors;
      const report = transferWeights(target, stored, 'a source');
      expect(report.fresh).toEqual(['itemEmbedding.weight']);
      const theirs = model.weights().get('decoder.layers.0.linear1.weight')!.dataSync();
      expect(target.weights().get('decoder.layers.0.linear1.weight')!.dataSync()).toEqual(theirs);
      const finetuning = createFinetuning({
        model: target,
        train,
        valid,
        batchSize: 24,
        tuning: 'efficient',
      });
      expect(finite(await epochs(finetuning, 0, 1))).toBe(true);
      expect((await finetuning.evaluate!('valid'))['ndcg@10']).toBeGreaterThan(0);
      expect(() => transferWeights(target, new Map(), 'nothing')).toThrow(
        /nothing does not fit the model: .*is missing/,
      );
    },
  );

  it.each(['none', 'k-means', 'released-k-means'] as const)('interests by %s', async (interestMethod) => {
    const model = createMissRec({ options: worldOptions({ interestMethod }), features, seed: 5 });
    const training = createFinetuning({ model, train, valid, batchSize: 24 });
    expect(finite(await epochs(training, 0, 2))).toBe(true);
    expect((await training.evaluate!('valid'))['recall@10']).toBeGreaterThan(0);
    expect(training.buffers!().size).toBe(interestMethod === 'none' ? 0 : 3);
  });

  it('one modality is enough', async () => {
    for (const more of [{}, { preset: 'released' }] as const) {
      const options = worldOptions({ featureWidths: { text: 6 }, ...more });
      const model = createMissRec({ options, features: { text: features.text }, seed: 5 });
      expect(
        [...model.weights().keys()].some((name) => name.startsWith('image') || name === 'fusionFactor'),
      ).toBe(false);
      const training = createFinetuning({ model, train, valid, batchSize: 24 });
      expect(finite(await epochs(training, 0, 1))).toBe(true);
      expect((await training.evaluate!('valid'))['recall@10']).toBeGreaterThan(0);
    }
  });

  it('scores a history by its last items', () => {
    const options = worldOptions({ interestMethod: 'none' });
    const model = createMissRec({ options, features, seed: 6 });
    const ranker = createRanking(model).ranker();
    const long = Array.from({ length: options.positions + 5 }, (_, i) => 1 + ((i * 7) % N));
    const scores = (history: number[]): number[] => [...ranker.score([history]).scores.dataSync()];
    expect(scores(long)).toEqual(scores(long.slice(-options.positions)));
    expect(scores(long)).not.toEqual(scores(long.slice(0, options.positions)));
  });

  it('leaves the weights per item of another catalogue behind, also of one as long', () => {
    const options = worldOptions({ itemFusion: 'per-item' });
    const target = createMissRec({ options, features, seed: 7 });
    const before = [...target.weights().get('fusionFactor')!.dataSync()];
    const source = createMissRec({ options, features, seed: 8 });
    const stored = new Map(
      [...source.weights()].map(([name, variable]) => [
        name,
        {
          dtype: 'F32' as const,
          shape: variable.shape,
          data:
            name === 'fusionFactor'
              ? new Float32Array(N + 1).fill(42)
              : (variable.dataSync() as Float32Array),
        },
      ]),
    );
    expect(transferWeights(target, stored, 'a source').fresh).toContain('fusionFactor');
    expect([...target.weights().get('fusionFactor')!.dataSync()]).toEqual(before);
  });

  it('evaluates without a modality, masks histories, and recommends with the interests that fired', async () => {
    const model = createMissRec({ options: worldOptions(), features, seed: 6 });
    const training = createFinetuning({ model, train, valid, batchSize: 48, learningRate: 0.02 });
    await epochs(training, 0, 6);
    const full = await evaluateRecommender(training.ranking, model, valid);
    const withoutText = await evaluateRecommender(training.ranking, model, valid, { without: ['text'] });
    const withoutBoth = await evaluateRecommender(training.ranking, model, valid, {
      without: ['image', 'text'],
    });
    expect(withoutBoth.ranks).not.toEqual(withoutText.ranks);
    expect(withoutBoth.metrics['mrr']).toBeGreaterThan(0);
    const masked = await evaluateRecommender(training.ranking, model, valid, { history: 'mask' });
    expect(withoutText.ranks).not.toEqual(full.ranks);
    expect(masked.ranks.every((rank, r) => rank <= full.ranks[r]!)).toBe(true);
    expect(masked.metrics['mrr']).toBeGreaterThan(full.metrics['mrr']!);
    // In blocks of items the numbers are the same.
    for (const [options, want] of [
      [{}, full],
      [{ without: ['text'] }, withoutText],
      [{ without: ['image', 'text'] }, withoutBoth],
      [{ history: 'mask' }, masked],
    ] as const) {
      const inBlocks = await evaluateRecommender(training.ranking, model, valid, {
        ...options,
        inBlocks: true,
      });
      expect([...inBlocks.ranks]).toEqual([...want.ranks]);
    }
    // What lies before the last `positions` items is masked as well, though the model does not see it.
    const latest = [11, 12, 13, 14, 15, 16, 17, 18];
    const [whole, cut] = await Promise.all(
      [[1, 2, 3, 4, 5, 6, 7, ...latest], latest].map(async (history) => {
        const one = { users: Int32Array.of(0), targets: Int32Array.of(9), items: Int32Array.from(history) };
        const places = { starts: Int32Array.of(0), ends: Int32Array.of(history.length) };
        return evaluateRecommender(training.ranking, model, { ...one, ...places }, { history: 'mask' });
      }),
    );
    const { scores } = training.ranking.ranker().score([latest]);
    const own = scores.dataSync()[9]!;
    const above = [1, 2, 3, 4, 5, 6, 7].filter((item) => scores.dataSync()[item]! > own).length;
    expect(above).toBeGreaterThan(0);
    expect(whole!.ranks[0]).toBe(cut!.ranks[0]! - above);

    const ranker = training.ranking.ranker();
    const found = await recommend(ranker, model, [3, 5], { k: 4 });
    expect(found.items).toHaveLength(4);
    expect(found.items.some((item) => item === 3 || item === 5)).toBe(false);
    expect([...found.scores].sort((a, b) => b - a)).toEqual(found.scores);
    expect(found.reasons.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 5);
    const state = model.state()!;
    const touched = new Set(
      [3, 5].flatMap((item) => state.lookups.map((lookup) => lookup[item]!)).filter((id) => id > 0),
    );
    expect(new Set(found.reasons.map(({ id }) => id))).toEqual(touched);
    for (const { id, because } of found.reasons)
      for (const { item, modality } of because)
        expect(state.lookups[modality === 'text' ? 0 : 1]![item]).toBe(id);
    await expect(recommend(ranker, model, [])).rejects.toThrow(/at least one item/);
    await expect(recommend(ranker, model, [N + 1])).rejects.toThrow(/items must be 1\.\.20, got 21/);
    ranker.dispose();

    // a copy ranks alike
    const copy = createMissRec({ options: model.options, features, seed: 99 });
    await restoreRecommender(copy, (await captureRecommender(model)).tensors, 'a copy');
    const other = createFinetuning({ model: copy, train, batchSize: 24 });
    const again = await evaluateRecommender(other.ranking, copy, valid);
    expect([...again.ranks]).toEqual([...full.ranks]);
  });
});

describe('settings', () => {
  it('word drop is refused without word-dropped text', async () => {
    await selectBackend('cpu');
    const options = worldOptions({ task: 'pretrain', ids: false, itemDropShare: 0.9 });
    const model = createMissRec({ options, features: worldFeatures(N, 1), seed: 1 });
    const sources = [worldRows(N, 20, 1)];
    expect(() => createPretraining({ model, train: sources })).toThrow(/word drop needs word-dropped text/);
    expect(() => createPretraining({ model, train: [...sources, ...sources] })).toThrow(
      /each of the catalogue's 1 domains, got 2/,
    );
    const other = { ...options, featureWidths: { text: 7, image: 6 } };
    expect(() => createMissRec({ options: other, features: worldFeatures(N, 1), seed: 1 })).toThrow(
      /text features of domain 0 must be 7 wide, got 6/,
    );
  });
});
