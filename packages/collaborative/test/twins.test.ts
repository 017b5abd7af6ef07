import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { selectBackend, tf, RandomStream } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  bm3,
  bprMf,
  createUserItemRecommender,
  createUserItemTraining,
  lightGcn,
  lightGcnM,
  freedom,
  lattice,
  ngcfM,
  vbpr,
  type Interactions,
  type TrainedModel,
  type UserItemRecommender,
  type UserItemTrainingSettings,
} from '../src/index.ts';
import { fill } from '../../nn/test/helpers.ts';
import { world } from './world.ts';

/** What tools/parity/collaborative_twin.py computed with PyTorch. */
const twins = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/twins.json'), 'utf8')) as {
  pairs: [number, number][];
  models: Record<
    string,
    { loss: number; gradients: Record<string, number[]>; losses: number[]; weights: Record<string, number[]> }
  >;
};
const [U, N] = [7, 9];

const interactions: Interactions = {
  users: U,
  items: N,
  starts: Int32Array.from({ length: U + 1 }, (_, u) => twins.pairs.filter(([user]) => user < u).length),
  columns: Int32Array.from(twins.pairs, ([, item]) => item),
};
const matrix = (modality: Modality, width: number): FeatureMatrix => ({
  ...{ modality, encoder: 'twin', count: N, width },
  data: fill(modality, [N, width]),
  present: new Uint8Array(N).fill(1),
});

function triples(step: number): Record<'users' | 'positives' | 'negatives', Int32Array> {
  const of = (f: (k: number) => number): Int32Array =>
    Int32Array.from({ length: 8 }, (_, b) => f(step * 8 + b));
  return {
    users: of((k) => (3 * k + step) % U),
    positives: of((k) => (5 * k + 1) % N),
    negatives: of((k) => (7 * k + 2 * step + 4) % N),
  };
}

const CASES: [string, TrainedModel, object, Partial<UserItemTrainingSettings>?][] = [
  ['bpr-mf', bprMf, { penalty: 0.01 }],
  [
    'bpr-mf decay',
    bprMf,
    { penalty: 0.01 },
    { batchSize: 8, objective: { decay: { factor: 0.5, epochs: 2 } } },
  ],
  ['bpr-mf bias', bprMf, { penalty: 0.01, itemBias: true }],
  ['vbpr ducho', vbpr, { visualFactors: 6, penalty: 0.01 }],
  [
    'vbpr paper',
    vbpr,
    { preset: 'paper', visualFactors: 4, penalty: 0.01, biasPenalty: 0.02, projectionPenalty: 0.03 },
  ],
  ['lightgcn', lightGcn, { penalty: 0.01 }],
  ['lightgcn-m concat', lightGcnM, { layers: 2, penalty: 0.01 }],
  ['lightgcn-m mean', lightGcnM, { layers: 2, penalty: 0.01, combine: 'mean' }],
  ['freedom', freedom, { neighbours: 3, edgeDropout: 0, contentWeight: 0.3 }],
  ['bm3', bm3, { dropout: 0 }],
  ['lattice', lattice, { neighbours: 3, featureFactors: 5, penalty: 0.01 }],
  ['ngcf-m', ngcfM, { layers: 2, penalty: 0.01, edgeDropout: 0, messageDropout: 0 }],
  ['ngcf-m mean', ngcfM, { layers: 2, penalty: 0.01, edgeDropout: 0, messageDropout: 0, graph: 'mean' }],
];

/** A model with the weights of the twin: functions of their names; features stay what they are. */
function made(model: TrainedModel, settings: object): UserItemRecommender {
  const recommender = createUserItemRecommender(model, {
    options: model.options.parse({ factors: 6, ...settings }) as object,
    data: { interactions, features: { image: matrix('image', 5), text: matrix('text', 4) } },
    seed: 1,
  });
  for (const [name, variable] of recommender.weights())
    if (!name.startsWith('features.')) variable.assign(tf.tensor(fill(name, variable.shape), variable.shape));
  return recommender;
}

const close = (
  actual: ArrayLike<number>,
  wanted: ArrayLike<number>,
  tolerance: number,
  what: string,
): void => {
  expect(actual.length, what).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++)
    expect(Math.abs(actual[i]! - wanted[i]!), `${what} ${i}: ${actual[i]!} and ${wanted[i]!}`).toBeLessThan(
      tolerance * Math.max(1, Math.abs(wanted[i]!)),
    );
};

describe.each(['cpu', 'ort'] as const)('models as their PyTorch twins on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend, { threads: 1, log: () => undefined });
  });
  beforeEach(() => {
    tf.engine().startScope();
  });
  afterEach(() => {
    tf.disposeVariables();
    tf.engine().endScope();
  });

  it.each(CASES)('%s: loss and gradients', (name, model, settings) => {
    const twin = twins.models[name]!;
    const recommender = made(model, settings);
    const { p, inputs } = recommender.trained!;
    const tensors = Object.fromEntries(
      Object.entries(triples(0)).map(([key, ids]) => [key, tf.tensor1d(ids, 'int32')]),
    ) as Record<'users' | 'positives' | 'negatives', tf.Tensor1D>;
    recommender.find();
    const found = recommender.found();
    const epoch = found && { found, first: true };
    const step = { p, inputs, options: recommender.options, users: U, ...epoch };
    const weights = recommender.weights();
    const { value, grads } = tf.variableGrads(() => model.loss(step, tensors).loss, [...weights.values()]);
    close(value.dataSync(), [twin.loss], 1e-5, 'loss');
    expect([...weights.keys()].sort()).toEqual(Object.keys(twin.gradients).sort());
    for (const [key, variable] of weights)
      close(grads[variable.name]!.dataSync(), twin.gradients[key]!, 1e-5, key);
  });

  it.each(CASES)('%s: twenty steps of Adam', async (name, model, settings, more) => {
    const twin = twins.models[name]!;
    const recommender = made(model, settings);
    const training = createUserItemTraining({ recommender, domain: world, learningRate: 0.01, ...more });
    const random = RandomStream.fromSeed(1);
    const losses: number[] = [];
    for (let step = 0; step < 20; step++) {
      // Two epochs of ten steps, where a model finds something for each.
      const first = step % 10 === 0;
      if (first) await training.beforeEpoch?.(step / 10, random);
      const batch = { ...triples(step), ...(training.beforeEpoch && { first }) };
      losses.push((await training.trainStep(batch, { step, epoch: 0, random })).loss);
    }
    close(losses, twin.losses, 1e-4, 'losses');
    // Adam moves a weight by the ratio of its gradients: one of a gradient that is all but 0 follows the last bits.
    for (const [key, variable] of recommender.weights())
      close(variable.dataSync(), twin.weights[key]!, 2e-4, key);
    training.dispose();
  });
});

describe('first weights of VBPR', () => {
  it.each([
    ['normal', 1],
    ['xavier', Math.sqrt(6 / (600 + 64)) / Math.sqrt(3)],
  ])('θ is %s', async (thetaInit, deviation) => {
    await selectBackend('cpu');
    const users = 600;
    const recommender = createUserItemRecommender(vbpr, {
      options: vbpr.options.parse({ thetaInit }) as object,
      data: {
        interactions: { users, items: N, starts: new Int32Array(users + 1), columns: new Int32Array(0) },
        features: { text: matrix('text', 4) },
      },
      seed: 3,
    });
    const spread = (name: string): number => {
      const values = recommender.weights().get(name)!.dataSync<'float32'>();
      return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    };
    expect(spread('tastes.weight') / deviation).toBeCloseTo(1, 1);
    expect(spread('users.weight') * Math.sqrt(3)).toBeCloseTo(Math.sqrt(6 / (users + 64)), 2);
    recommender.dispose();
  });
});
