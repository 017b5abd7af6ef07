/**
 * What every sequential recommender must do, whatever it computes. A model passes by one line in a test of its own package:
 *
 *   contractOf(sasrec, { settings: { width: 16 }, featureWidths: {} });
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Rows } from '@ferry/data';
import { RandomStream, selectBackend, tf } from '@ferry/engine';
import { matchGlob } from '@ferry/nn';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  captureRecommender,
  createCatalogue,
  createRanking,
  createRecommender,
  createTraining,
  evaluateRecommender,
  loadRecommender,
  type ModelTypes,
  recommend,
  type Recommender,
  type RecommenderTraining,
  restoreRecommender,
  saveRecommender,
  type SequentialModel,
  transferWeights,
} from '../src/index.ts';
import { worldFeatures, worldRows } from './world.ts';

/** How a model is put to the test. */
export interface ContractCase {
  /** Settings as a recipe states them: small. */
  settings: object;
  /** Keys that are settings of the job and not of the model, such as MISSRec's `ids`. */
  more?: object;
  /** Modalities the domain has; F is 6 where there is one. */
  modalities?: readonly ('text' | 'image')[];
  /** Objective by name and its settings. Default: the model's first. */
  objective?: string;
  objectiveSettings?: object;
  /** Whether items are known by their features alone, so that one nobody has seen is found. */
  cold?: boolean;
  /** Epochs in which it learns the world. Default 15. */
  epochs?: number;
}

const N = 20;
const F = 6;
/** Users stay with items of one kind: odd or even numbers. */
const train = worldRows(N, 96, 2);
const valid = worldRows(N, 32, 3);
const oddHistory = [1, 5, 9];
const evenHistory = [2, 6, 10];

/** The same rows where no item is the last of its kind, 19 or 20. */
const withoutLast = (rows: Rows): Rows => {
  const earlier = (item: number): number => (item > N - 2 ? item - 2 : item);
  return { ...rows, items: rows.items.map(earlier), targets: rows.targets.map(earlier) };
};

/** Puts a model to the test. */
export function contractOf<T extends ModelTypes>(model: SequentialModel<T>, test: ContractCase): void {
  const { modalities = [], cold = false, epochs: until = 15 } = test;
  const featureWidths = Object.fromEntries(modalities.map((modality) => [modality, F]));
  const parsed = { ...(model.options.parse(test.settings) as object), ...test.more };
  const options = model.complete
    ? model.complete(parsed, { featureWidths, task: 'finetune' })
    : (parsed as T['options']);
  const positions = model.positions(options);

  const make = (seed = 1, items = N): Recommender<T> => {
    const all = worldFeatures(items, 7, F);
    const features = Object.fromEntries(modalities.map((modality) => [modality, all[modality]]));
    const catalogue = createCatalogue({ featureWidths }, [{ ...features, items }]);
    return createRecommender(model, { options, catalogue, seed });
  };
  const training = (recommender: Recommender<T>, rows: Rows = train): RecommenderTraining<T> => {
    const name = test.objective ?? Object.keys(model.objectives)[0]!;
    const definition = model.objectives[name]!;
    const settings = definition.options.parse(test.objectiveSettings ?? {}) as object;
    const objective = definition.create(settings, options);
    return createTraining({ recommender, objective, train: rows, batchSize: 32, learningRate: 0.02 });
  };
  /** Runs some epochs as the trainer does. */
  async function run(trained: RecommenderTraining<T>, from: number, to: number, seed = 1): Promise<number[]> {
    const root = RandomStream.fromSeed(seed);
    const losses: number[] = [];
    for (let epoch = from; epoch < to; epoch++) {
      await trained.beforeEpoch?.(epoch, root.split('before', epoch));
      let step = epoch * trained.batchCount(epoch);
      for (const batch of trained.batches(epoch, root.split('batches', epoch)))
        losses.push(
          (await trained.trainStep(batch, { step: step++, epoch, random: root.split('steps') })).loss,
        );
    }
    return losses;
  }
  const scoresOf = (ranking: ReturnType<typeof createRanking<T>>, histories: number[][]): Float32Array[] => {
    const ranker = ranking.ranker();
    const scored = ranker.score(histories);
    const all = scored.scores.dataSync() as Float32Array;
    scored.dispose();
    ranker.dispose();
    return histories.map((_, b) => all.slice(b * (N + 1) + 1, (b + 1) * (N + 1)));
  };
  const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

  describe(`${model.title} keeps the contract (${JSON.stringify({ ...test.settings, ...test.more })})`, () => {
    beforeAll(async () => {
      await selectBackend('ort', { threads: 1, log: () => undefined });
    });
    beforeEach(() => {
      tf.engine().startScope();
    });
    afterEach(() => {
      tf.disposeVariables();
      tf.engine().endScope();
    });

    it('learns what users stay with, without leaking tensors', async () => {
      const recommender = make();
      const trained = training(recommender);
      await run(trained, 0, 2);
      const before = tf.memory().numTensors;
      await run(trained, 2, until);
      expect(tf.memory().numTensors).toBe(before);
      const ranker = trained.ranking.ranker();
      for (const history of [oddHistory, evenHistory]) {
        const { items } = await recommend(ranker, recommender, history, { k: 5 });
        const own = items.filter((item) => item % 2 === history[0]! % 2);
        expect(own.length, `${history.join()} -> ${items.join()}`).toBeGreaterThanOrEqual(4);
      }
      ranker.dispose();
      const { metrics, ranks } = await evaluateRecommender(trained.ranking, recommender, valid);
      expect(metrics['recall@10']).toBeGreaterThan(0.75);
      const inBlocks = await evaluateRecommender(trained.ranking, recommender, valid, { inBlocks: true });
      expect([...inBlocks.ranks]).toEqual([...ranks]);
      expect(tf.memory().numTensors).toBe(before);
    });

    it.runIf(cold)('finds an item that nobody has seen, by its features', async () => {
      const recommender = make();
      const trained = training(recommender, withoutLast(train));
      await run(trained, 0, until);
      const [odd, even] = scoresOf(trained.ranking, [oddHistory, evenHistory]);
      expect(odd![N - 2]!).toBeGreaterThan(odd![N - 1]!); // items 19 and 20
      expect(even![N - 1]!).toBeGreaterThan(even![N - 2]!);
    });

    it.runIf(modalities.length > 0)('ranks where modalities are missing', async () => {
      const recommender = make();
      await recommender.refresh(RandomStream.fromSeed(3));
      const ranking = createRanking(recommender);
      for (const without of modalities) {
        const { metrics } = await evaluateRecommender(ranking, recommender, valid, { without: [without] });
        expect(metrics['mrr']).toBeGreaterThan(0);
      }
    });

    it('is the same after it was saved and loaded', async () => {
      const recommender = make();
      await run(training(recommender), 0, 1);
      const folder = mkdtempSync(join(tmpdir(), 'ferry-contract-'));
      const path = join(folder, 'model.safetensors');
      await saveRecommender(path, await captureRecommender(recommender));
      const stored = await loadRecommender(path, model.name);
      rmSync(folder, { recursive: true });
      expect(stored.items).toBe(N);
      expect(stored.options).toEqual(JSON.parse(JSON.stringify(options)));
      const other = make(9);
      await restoreRecommender(other, stored.tensors, path);
      const [a, b] = [recommender, other].map((each) => scoresOf(createRanking(each), [oddHistory, [4]]));
      expect(b).toEqual(a);
      await expect(loadRecommender(join(folder, 'none.safetensors'))).rejects.toThrow(/none\.safetensors/);
    });

    it('scores a batch as each history alone, and a long one by its end', async () => {
      const recommender = make();
      await recommender.refresh(RandomStream.fromSeed(3));
      const ranking = createRanking(recommender);
      const long = Array.from({ length: positions + 5 }, (_, i) => 1 + ((7 * i) % N));
      const histories = [[3], oddHistory, long, evenHistory];
      const together = scoresOf(ranking, histories);
      histories.forEach((history, h) => {
        const [alone] = scoresOf(ranking, [history.slice(-positions)]);
        for (const [i, score] of together[h]!.entries()) expect(score).toBeCloseTo(alone![i]!, 4);
      });
    });

    it('leaves out the history, gives no more items than there are, and refuses unknown ones', async () => {
      const recommender = make();
      await recommender.refresh(RandomStream.fromSeed(3));
      const ranker = createRanking(recommender).ranker();
      const { items, scores } = await recommend(ranker, recommender, [3, 5, 3], { k: N + 50 });
      expect([...items].sort((a, b) => a - b)).toEqual(
        Array.from({ length: N }, (_, i) => i + 1).filter((item) => item !== 3 && item !== 5),
      );
      expect([...scores].sort((a, b) => b - a)).toEqual(scores);
      const again = await recommend(ranker, recommender, [3, 5, 3], { k: N + 50, repeat: true });
      expect(again.items).toHaveLength(N);
      await expect(recommend(ranker, recommender, [])).rejects.toThrow(/at least one item/);
      for (const item of [0, N + 1, 1.5, -1])
        await expect(recommend(ranker, recommender, [item])).rejects.toThrow(/items must be 1\.\.20, got/);
      const reasons = (await recommend(ranker, recommender, oddHistory)).reasons;
      if (reasons.length > 0)
        expect(mean(reasons.map(({ weight }) => weight)) * reasons.length).toBeCloseTo(1, 4);
    });

    it('gives one result for one seed, and goes on exactly from what was saved', async () => {
      const [first, second, other] = [make(4), make(4), make(5)];
      const trained = training(first);
      const losses = await run(trained, 0, 3);
      expect(losses.every(Number.isFinite)).toBe(true);
      expect(await run(training(other), 0, 1)).not.toEqual(losses.slice(0, trained.batchCount(0)));
      const begun = training(second);
      const start = await run(begun, 0, 1);
      // A fresh process: everything that is saved, and nothing else.
      const resumed = training(make(6));
      const copy = (from: ReadonlyMap<string, tf.Variable>, to: ReadonlyMap<string, tf.Variable>) => {
        expect([...to.keys()]).toEqual([...from.keys()]);
        for (const [name, variable] of to)
          variable.assign(tf.tensor(from.get(name)!.dataSync(), variable.shape, variable.dtype));
      };
      copy(begun.parameters(), resumed.parameters());
      copy(begun.optimizerState(), resumed.optimizerState());
      await resumed.restoreBuffers!(begun.buffers!());
      expect([...start, ...(await run(resumed, 1, 3))]).toEqual(losses);
    });

    it('carries its weights to another catalogue', async () => {
      const source = make(1);
      const target = make(2, 30);
      const stored = (await captureRecommender(source)).tensors;
      const own = model.weights.ofItems(options);
      const portable = [...source.weights().keys()].filter(
        (name) => !own.some((pattern) => matchGlob(pattern, name)),
      );
      if (portable.length === 0) {
        expect(() => transferWeights(target, stored, 'a source')).toThrow(/belong to the items/);
        return;
      }
      const report = transferWeights(target, stored, 'a source');
      expect(report.loaded.sort()).toEqual(portable.sort());
      const fresh = new Set(report.fresh);
      expect([...target.weights().keys()].sort()).toEqual([...report.loaded, ...report.fresh].sort());
      for (const [name, variable] of target.weights())
        if (fresh.has(name)) expect(variable.shape[0], name).toBe(31);
        else expect([...variable.dataSync()]).toEqual([...source.weights().get(name)!.dataSync()]);
      expect(() => transferWeights(target, new Map(), 'nothing')).toThrow(/nothing does not fit the model/);
    });

    it('has the same numbers on ort and on cpu', async () => {
      const results: { losses: number[]; scores: number[] }[] = [];
      for (const backend of ['cpu', 'ort'] as const) {
        await selectBackend(backend, { threads: 1, log: () => undefined });
        const recommender = make(3);
        const trained = training(recommender);
        const losses = await run(trained, 0, 1);
        const scores = scoresOf(trained.ranking, [oddHistory, [2]]).flatMap((row) => [...row]);
        results.push({ losses, scores });
        trained.dispose();
        recommender.dispose();
      }
      const [cpu, ort] = results as [(typeof results)[0], (typeof results)[0]];
      ort.losses.forEach((loss, i) => {
        expect(Math.abs(loss / cpu.losses[i]! - 1)).toBeLessThan(1e-3);
      });
      ort.scores.forEach((score, i) => {
        expect(Math.abs(score - cpu.scores[i]!)).toBeLessThan(5e-3 * Math.max(1, Math.abs(score)));
      });
    });
  });
}
