import { RandomStream, selectBackend, tf } from '@ferry/engine';
import {
  createCatalogue,
  createRanking,
  createRecommender,
  createTraining,
  evaluateRecommender,
  recommend,
  type Recommender,
  transferWeights,
} from '@ferry/sequential';
import { beforeAll, describe, expect, it } from 'vitest';
import { worldRows } from '../../sequential/test/world.ts';
import { dssm, type Dssm, type DssmOptions } from '../src/index.ts';
import { close, expectLoss, floats, groupsOf, loadWeights, readFixture, type Encoded } from './twin.ts';
import type { LossCase } from './twin.ts';

type Form = 'bce' | 'in-batch' | 'softmax';
interface Fixture {
  sequences: number[][];
  items: number;
  users: number[];
  targets: number[];
  histories: number[][];
  negatives: number[];
  weights: Record<string, Encoded>;
  scores: Encoded;
  cases: Record<'id' | 'history', Record<Form, LossCase>>;
}
const fixture = readFixture('dssm.json') as Fixture;

function make(settings: object, users = 5, items = fixture.items): Recommender<Dssm> {
  const options = dssm.complete!(dssm.options.parse(settings) as object, {
    task: 'finetune',
    featureWidths: {},
  });
  const catalogue = createCatalogue({ featureWidths: {} }, [{ items, users }]);
  return createRecommender(dssm, { options, catalogue, seed: 1 });
}
const objectiveOf = (name: string, options: DssmOptions, settings: object = {}) => {
  const definition = dssm.objectives[name]!;
  return definition.create(definition.options.parse(settings) as object, options);
};

describe.each(['cpu', 'ort'] as const)('DSSM on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  it('scores of known users as the twin', () => {
    const recommender = make({ width: 4, layers: 2 });
    loadWeights(recommender, fixture.weights);
    const ranker = createRanking(recommender).ranker();
    const { scores } = ranker.score(fixture.histories, fixture.users);
    close(scores.dataSync(), floats(fixture.scores), 'scores');
    recommender.dispose();
  });

  it.each([
    ['id', 'bce'],
    ['id', 'in-batch'],
    ['id', 'softmax'],
    ['history', 'bce'],
    ['history', 'in-batch'],
    ['history', 'softmax'],
  ] as const)('user %s: loss and gradients of %s as the twin', (user, form) => {
    const recommender = make({ width: 4, layers: 2, user });
    loadWeights(recommender, fixture.weights);
    const { options, catalogue } = recommender;
    const groups = groupsOf(fixture.histories, [2, 4]);
    const targets = Int32Array.from(fixture.targets);
    const users = Int32Array.from(fixture.users);
    const placed = groups.map((group, g) => ({
      rows: new Int32Array(0),
      ...group,
      users: g === 0 ? users.subarray(0, 2) : users.subarray(2),
    }));
    const feed = dssm.feed!(options, placed, undefined, { longest: 3 });
    // Negatives are drawn, so they are given by hand; the columns of in-batch are made by the objective itself.
    const counts = new Float64Array(fixture.items + 1);
    for (const item of fixture.sequences.flat()) counts[item]!++;
    const prepared =
      form === 'in-batch'
        ? objectiveOf(form, options).prepare(
            { history: new Int32Array(0), lengths: new Int32Array(6), targets, users },
            {
              options,
              items: catalogue.items,
              words: false,
              counts: () => counts,
              seen: (own) => new Set(fixture.sequences[own]),
              random: RandomStream.fromSeed(1),
              group: () => ({ groups: placed, targets, users }),
              feed: (all, place) => dssm.feed!(options, all, undefined, { longest: 3, ...place }),
            },
          )
        : {
            inputs: {
              feed,
              items: tf.tensor1d(targets, 'int32'),
              ...(form === 'bce' && { negatives: tf.tensor2d(fixture.negatives, [6, 1], 'int32') }),
            },
          };
    // Rows of the item tables are the whole catalogue here: the objective's own numbers are mapped back.
    const { numbers } = prepared as { numbers?: Int32Array };
    const inputs = numbers ? mapRows(prepared.inputs as Record<string, tf.Tensor>, numbers) : prepared.inputs;
    expectLoss(recommender, objectiveOf(form, options), inputs, fixture.cases[user][form]);
    recommender.dispose();
  });
});

/** Inputs whose item rows are those of a step, with rows of the whole catalogue. */
function mapRows(inputs: Record<string, unknown>, numbers: Int32Array): object {
  const back = (rows: tf.Tensor): tf.Tensor =>
    tf.tensor(
      Int32Array.from(rows.dataSync(), (row) => numbers[row]!),
      rows.shape,
      'int32',
    );
  const { feed, columns } = inputs as { feed: Dssm['feed']; columns: tf.Tensor };
  return {
    ...inputs,
    columns: back(columns),
    feed: { ...feed, groups: feed.groups.map((group) => ({ ...group, history: back(group.history) })) },
  };
}

describe('users that are IDs', () => {
  const train = worldRows(20, 96, 2);
  beforeAll(async () => {
    await selectBackend('ort', { threads: 1, log: () => undefined });
  });

  it('learns what each user stays with, and ranks every one by its own vector', async () => {
    const recommender = make({ width: 8 }, 96, 20);
    const training = createTraining({
      recommender,
      objective: objectiveOf('in-batch', recommender.options),
      train,
      batchSize: 64,
      learningRate: 0.02,
    });
    const root = RandomStream.fromSeed(1);
    const steps = training.batchCount(0);
    // Each user's every training interaction is an example, the first too.
    const interactions =
      train.targets.length + train.ends.reduce((sum, end, r) => sum + end - train.starts[r]!, 0);
    let seen = 0;
    for (let epoch = 0; epoch < 12; epoch++) {
      let step = epoch * steps;
      for (const batch of training.batches(epoch, root.split('batches', epoch))) {
        if (epoch === 0) seen += batch.lengths.length;
        await training.trainStep(batch, { step: step++, epoch, random: root.split('steps') });
      }
    }
    expect(seen).toBe(interactions);
    const { metrics } = await evaluateRecommender(training.ranking, recommender, train);
    expect(metrics['recall@10']).toBeGreaterThan(0.9);
    const ranker = training.ranking.ranker();
    // The same history, two users.
    for (const user of [0, 1, 2, 3]) {
      const { items } = await recommend(ranker, recommender, [1], { k: 5, user });
      expect(items.filter((item) => item % 2 === (user + 1) % 2).length).toBeGreaterThanOrEqual(4);
    }
    training.dispose();
    recommender.dispose();
  });

  it('refuses what has no user', async () => {
    const recommender = make({ width: 8 }, 96, 20);
    const ranker = createRanking(recommender).ranker();
    await expect(recommend(ranker, recommender, [1])).rejects.toThrow(
      /only users of the training.*user: history/,
    );
    expect(() => make({}, 0)).toThrow(/one domain whose users are known/);
    const other = make({ width: 8 }, 50, 20);
    expect(() => transferWeights(other, new Map(), 'a source')).toThrow(
      /all of its weights belong to the items of one catalogue/,
    );
  });
});
