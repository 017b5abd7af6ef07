/**
 * What every user-item model must do, whatever it computes. A model passes by one line:
 *
 *   contractOf(lightGcn, { settings: { factors: 8 } });
 */
import { RandomStream, selectBackend, tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createUserItemRecommender,
  createUserItemTraining,
  interactionsOf,
  type UserItemModel,
  type UserItemRecommender,
  type UserItemTraining,
  type UserScorer,
} from '../src/index.ts';
import { N, tested, U, world, worldFeatures } from './world.ts';

/** How a model is put to the test. */
export interface ContractCase {
  /** Settings as a recipe states them: small. */
  settings: object;
  /** Modalities the items have. */
  modalities?: readonly Modality[];
  /** Whether it scores items that training did not know. */
  cold?: boolean;
  /** Epochs in which it learns the world. Default 40. */
  epochs?: number;
  /** Whether it learns at all. Default true. */
  learns?: boolean;
}

/** Puts a model to the test. */
export function contractOf(model: UserItemModel, test: ContractCase): void {
  const { modalities = [], cold = false, learns = true } = test;
  const epochs = model.kind === 'fitted' ? 1 : (test.epochs ?? 40);

  const make = (seed = 1, missing: readonly number[] = []): UserItemRecommender =>
    createUserItemRecommender(model, {
      options: model.options.parse(test.settings) as object,
      data: {
        interactions: interactionsOf(world.training, N),
        features: Object.fromEntries(
          modalities.map((modality) => [modality, worldFeatures(modality, N, missing)]),
        ),
      },
      seed,
    });
  const training = (recommender: UserItemRecommender): UserItemTraining =>
    createUserItemTraining({
      recommender,
      domain: world,
      batchSize: 64,
      learningRate: 0.05,
      evaluation: { k: [4] },
    });
  /** Runs some epochs as the trainer does. */
  async function run(trained: UserItemTraining, from: number, to: number, seed = 1): Promise<number[]> {
    const root = RandomStream.fromSeed(seed);
    const losses: number[] = [];
    for (let epoch = from; epoch < to; epoch++) {
      let step = epoch * trained.batchCount(epoch);
      await trained.beforeEpoch?.(epoch, root.split('before', epoch));
      for (const batch of trained.batches(epoch, root.split('batches', epoch)))
        losses.push(
          (await trained.trainStep(batch, { step: step++, epoch, random: root.split('steps') })).loss,
        );
    }
    return losses;
  }
  const everyone = Int32Array.from({ length: U }, (_, user) => user);
  function scoresOf(scorer: UserScorer, users: Int32Array): number[][] {
    const scores = scorer.scores(users);
    const flat = scores instanceof tf.Tensor ? scores.dataSync() : scores;
    if (scores instanceof tf.Tensor) scores.dispose();
    const columns = flat.length / users.length;
    return Array.from(users, (_, b) => Array.from(flat.slice(b * columns + 1, (b + 1) * columns)));
  }

  describe(`${model.title} keeps the contract (${JSON.stringify(test.settings)})`, () => {
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

    it('learns who takes what, without leaking tensors', async () => {
      const trained = training(make());
      const begun = Math.min(1, epochs - 1);
      await run(trained, 0, begun);
      if (begun > 0) await trained.evaluate!('valid');
      const before = tf.memory().numTensors;
      await run(trained, begun, epochs);
      const { lists } = await trained.rank('test');
      expect(tf.memory().numTensors).toBe(before);
      expect(lists.listEnds).toHaveLength(tested.users.length);
      const kinds = Array.from(lists.items, (item, at): number => {
        const row = lists.listEnds.findIndex((end) => at < end);
        return item % 2 === tested.users[row]! % 2 ? 0 : 1;
      });
      const share = kinds.reduce((sum, own) => sum + own, 0) / kinds.length;
      if (learns) expect(share).toBeGreaterThan(0.9);
      const own = interactionsOf(world.training, N);
      for (const [at, item] of lists.items.entries()) {
        const user = tested.users[lists.listEnds.findIndex((end) => at < end)]!;
        expect([...own.columns.subarray(own.starts[user], own.starts[user + 1])]).not.toContain(item - 1);
      }
    });

    it('scores a batch as each user alone, and users without items', async () => {
      const recommender = make();
      await run(training(recommender), 0, 1);
      const scorer = recommender.scorer();
      const together = scoresOf(scorer, everyone);
      expect(together.flat().every(Number.isFinite)).toBe(true);
      for (const user of [0, 7, U - 1]) {
        const [alone] = scoresOf(scorer, Int32Array.of(user));
        together[user]!.forEach((score, i) => {
          expect(score).toBeCloseTo(alone![i]!, 5);
        });
      }
      scorer.dispose();
    });

    it.runIf(modalities.length > 0)('bears items without features', async () => {
      const recommender = make(1, [1, 2, 24]);
      const losses = await run(training(recommender), 0, 3);
      expect(losses.every(Number.isFinite)).toBe(true);
      expect(scoresOf(recommender.scorer(), everyone).flat().every(Number.isFinite)).toBe(true);
    });

    it.runIf(cold)('scores new items from their features alone', async () => {
      const recommender = make();
      await run(training(recommender), 0, epochs);
      // Four new items, odd and even in turn, as N + 1, N + 2 … would be.
      const features = Object.fromEntries(
        modalities.map((modality) => {
          const all = worldFeatures(modality, N + 4);
          const cut = { count: 4, data: all.data.slice(N * all.width), present: all.present.slice(N) };
          return [modality, { ...all, ...cut }];
        }),
      );
      const scorer = recommender.newItems(features);
      const right = scoresOf(scorer, tested.users).map((scores, r) => {
        const odd = scores[0]! + scores[2]! - scores[1]! - scores[3]!;
        return Number(tested.users[r]! % 2 === 0 ? odd > 0 : odd < 0);
      });
      expect(right.reduce((sum, own) => sum + own, 0) / right.length).toBeGreaterThan(0.9);
      scorer.dispose();
    });
    it.runIf(!cold)('says that it cannot score new items', () => {
      expect(() => make().newItems({ text: worldFeatures('text') })).toThrow(/cannot score items/);
    });

    it('gives one result for one seed, and goes on exactly from what was saved', async () => {
      const trained = training(make(4));
      const losses = await run(trained, 0, Math.min(3, epochs));
      const wanted = scoresOf(trained.recommender.scorer(), everyone);
      const begun = training(make(4));
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
      expect([...start, ...(await run(resumed, 1, Math.min(3, epochs)))]).toEqual(losses);
      expect(scoresOf(resumed.recommender.scorer(), everyone)).toEqual(wanted);
      if (model.kind === 'trained') expect(await run(training(make(5)), 0, 1)).not.toEqual(start);
    });

    it('has the same numbers on ort and on cpu', async () => {
      const results: { losses: number[]; scores: number[] }[] = [];
      for (const backend of ['cpu', 'ort'] as const) {
        await selectBackend(backend, { threads: 1, log: () => undefined });
        const recommender = make(3);
        const losses = await run(training(recommender), 0, 1);
        results.push({ losses, scores: scoresOf(recommender.scorer(), everyone).flat() });
      }
      const [cpu, ort] = results as [(typeof results)[0], (typeof results)[0]];
      ort.losses.forEach((loss, i) => {
        expect(Math.abs(loss - cpu.losses[i]!)).toBeLessThan(1e-4);
      });
      ort.scores.forEach((score, i) => {
        expect(Math.abs(score - cpu.scores[i]!)).toBeLessThan(1e-3 * Math.max(1, Math.abs(score)));
      });
    });

    it('refuses features that are not those of the catalogue', () => {
      if (modalities.length === 0) return;
      const options = model.options.parse(test.settings) as object;
      const interactions = interactionsOf(world.training, N);
      expect(() =>
        createUserItemRecommender(model, { options, data: { interactions, features: {} }, seed: 1 }),
      ).toThrow(/reads features of/);
      const features = { [modalities[0]!]: worldFeatures(modalities[0]!, N - 1) };
      expect(() =>
        createUserItemRecommender(model, { options, data: { interactions, features }, seed: 1 }),
      ).toThrow(/must have 24 rows, got 23/);
    });
  });
}
