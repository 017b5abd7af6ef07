import { selectBackend, tf } from '@ferry/engine';
import {
  createCatalogue,
  createRanking,
  createRecommender,
  plainFeed,
  readPositions,
  type Recommender,
} from '@ferry/sequential';
import { beforeAll, describe, expect, it } from 'vitest';
import { gru4rec, packing, type Gru4Rec } from '../src/gru4rec.ts';
import { close, expectLoss, floats, groupsOf, loadWeights, readFixture, stepOf } from './twin.ts';
import type { Encoded, LossCase } from './twin.ts';

interface Fixture {
  sequences: number[][];
  items: number;
  drawn: number[];
  forms: Record<
    'recbole' | 'paper',
    {
      weights: Record<string, Encoded>;
      scores: Encoded;
      cases: Record<'softmax' | 'last' | 'bpr-max', LossCase>;
    }
  >;
}
const fixture = readFixture('gru4rec.json') as Fixture;
const histories = fixture.sequences.map((sequence) => sequence.slice(0, -1));
const targets = Int32Array.from(fixture.sequences, (sequence) => sequence.at(-1)!);
const sizes = {
  recbole: { width: 4, hidden: 6, layers: 2 },
  paper: { preset: 'paper', width: 5, hidden: 5 },
};

function make(form: 'recbole' | 'paper'): Recommender<Gru4Rec> {
  const given = gru4rec.options.parse({ ...sizes[form], dropout: 0, stateDropout: 0 }) as object;
  const options = gru4rec.complete!(given, { task: 'finetune', featureWidths: {} });
  const catalogue = createCatalogue({ featureWidths: {} }, [{ items: fixture.items }]);
  const recommender = createRecommender(gru4rec, { options, catalogue, seed: 1 });
  // Torch has no biases where there are none; ours are zeros that no training moves.
  const zeros = Object.fromEntries(
    [...recommender.weights()]
      .filter(([name]) => !options.bias && /^layers.*bias$/.test(name))
      .map(([name, { size, shape }]) => [
        name,
        { shape, float32: Buffer.from(new Float32Array(size).buffer).toString('base64') },
      ]),
  );
  loadWeights(recommender, { ...zeros, ...fixture.forms[form].weights });
  return recommender;
}

describe.each(['cpu', 'ort'] as const)('GRU4Rec on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  it.each(['recbole', 'paper'] as const)('%s: scores as torch.nn.GRU, however rows are grouped', (form) => {
    const recommender = make(form);
    const want = floats(fixture.forms[form].scores);
    const ranker = createRanking(recommender).ranker();
    close(ranker.score(histories).scores.dataSync(), want, 'one group');
    const step = stepOf(recommender);
    const items = gru4rec.items(step, recommender.catalogue.inputs);
    const candidates = gru4rec.candidates(step, items, 'all');
    for (const groups of [
      [2, 3],
      [1, 1, 1, 1, 1],
    ]) {
      const queries = gru4rec.queries(step, items, plainFeed(groupsOf(histories, groups), { longest: 7 }));
      close(gru4rec.scores(step, queries, candidates).dataSync(), want, groups.join());
    }
    recommender.dispose();
  });

  it.each([
    ['recbole', 'softmax', 'softmax', {}],
    ['recbole', 'last', 'softmax', { targets: 'last' }],
    ['recbole', 'bpr-max', 'bpr-max', { regulariser: 0.7 }],
    ['paper', 'softmax', 'softmax', {}],
    ['paper', 'last', 'softmax', { targets: 'last' }],
    ['paper', 'bpr-max', 'bpr-max', { regulariser: 0.7 }],
  ] as const)('%s: loss and gradients of %s as the twin', (form, name, objective, given) => {
    const recommender = make(form);
    const definition = gru4rec.objectives[objective]!;
    const made = definition.create(definition.options.parse(given) as object, recommender.options);
    const groups = groupsOf(histories, [2, 2, 1]);
    const found = readPositions(groups, targets);
    const all = name !== 'last';
    const inputs = {
      feed: plainFeed(groups, { longest: 7, ...(all && { read: found.read }) }),
      items: tf.tensor1d(all ? found.targets : targets, 'int32'),
      ...(all && { weights: tf.tensor1d(found.weights) }),
      ...(name === 'bpr-max' && { negatives: tf.tensor1d(fixture.drawn, 'int32') }),
    };
    const { cases } = fixture.forms[form];
    expectLoss(
      recommender,
      made,
      inputs,
      cases[name],
      (key) => !/^layers.*bias$/.test(key) || recommender.options.bias,
    );
    recommender.dispose();
  });
});

it('packs positions with the longest groups first, and knows the way back', () => {
  const {
    sizes: rows,
    from,
    to,
  } = packing([
    [2, 1],
    [1, 3],
  ]);
  expect(rows).toEqual([3, 1, 1]);
  // The second group has positions 2, 3, 4.
  expect([...from]).toEqual([2, 0, 1, 3, 4]);
  expect([...to].map((place, position) => from[place] === position)).toEqual([true, true, true, true, true]);
});

it('units without biases train none', () => {
  const unused = (bias: boolean) => gru4rec.weights.unused!({ bias } as Gru4Rec['options']);
  expect(unused(false)).toEqual(['layers.*.*.bias']);
  expect(unused(true)).toEqual([]);
});
