import { RandomStream, selectBackend, tf } from '@ferry/engine';
import {
  createCatalogue,
  createRanking,
  createRecommender,
  createTraining,
  type Recommender,
} from '@ferry/sequential';
import { beforeAll, describe, expect, it } from 'vitest';
import { bert4rec, type Bert4Rec } from '../src/index.ts';
import { MASK, maskItems } from '../src/maskedItems.ts';
import { close, expectLoss, floats, groupsOf, loadWeights, readFixture } from './twin.ts';
import type { Encoded, LossCase } from './twin.ts';

type Form = 'paper' | 'recbole';
interface Fixture {
  sequences: number[][];
  masks: number[][];
  items: number;
  positions: number;
  forms: Record<
    Form,
    { weights: Record<string, Encoded>; scores: Encoded; cases: Record<'masked' | 'last', LossCase> }
  >;
}
const fixture = readFixture('bert4rec.json') as Fixture;
const { sequences, masks } = fixture;

function make(preset: Form): Recommender<Bert4Rec> {
  const given = { preset, width: 4, inner: 6, positions: fixture.positions, dropout: 0, attentionDropout: 0 };
  const options = bert4rec.complete!(bert4rec.options.parse(given) as object, {
    task: 'finetune',
    featureWidths: {},
  });
  const catalogue = createCatalogue({ featureWidths: {} }, [{ items: fixture.items }]);
  const recommender = createRecommender(bert4rec, { options, catalogue, seed: 1 });
  loadWeights(recommender, fixture.forms[preset].weights);
  return recommender;
}

describe.each(['cpu', 'ort'] as const)('BERT4Rec on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  it.each(['paper', 'recbole'] as const)('%s: what stands behind a history, as the twin', (form) => {
    const recommender = make(form);
    const ranker = createRanking(recommender).ranker();
    close(ranker.score(sequences).scores.dataSync(), floats(fixture.forms[form].scores), 'scores');
    recommender.dispose();
  });

  it.each(['paper', 'recbole'] as const)('%s: losses and gradients as the twin', (form) => {
    const recommender = make(form);
    const { options } = recommender;
    const { cases } = fixture.forms[form];
    const objectiveOf = (name: string) => {
      const definition = bert4rec.objectives[name]!;
      return definition.create(definition.options.parse({}) as object, options);
    };
    const hidden = sequences.map((sequence, b) =>
      sequence.map((item, l) => (masks[b]!.includes(l) ? MASK : item)),
    );
    const groups = groupsOf(hidden, [2, 3]);
    // Where each sequence begins, through the groups' [B * L].
    const starts = groups.flatMap(({ length, lengths }, g) =>
      Array.from(lengths, (_, b) => (g === 0 ? 0 : groups[0]!.history.length) + b * length),
    );
    const read = masks.flatMap((own, b) => own.map((l) => starts[b]! + l));
    const found = masks.flatMap((own, b) => own.map((l) => sequences[b]![l]!));
    expectLoss(
      recommender,
      objectiveOf('masked'),
      {
        feed: bert4rec.feed!(options, groups, undefined, { longest: 6, read: Int32Array.from(read) }),
        items: tf.tensor1d(found, 'int32'),
      },
      cases.masked,
    );
    const histories = sequences.map((sequence) => sequence.slice(0, -1));
    expectLoss(
      recommender,
      objectiveOf('softmax'),
      {
        feed: bert4rec.feed!(options, groupsOf(histories, [1, 4]), undefined, { longest: 6 }),
        items: tf.tensor1d(
          sequences.map((sequence) => sequence.at(-1)!),
          'int32',
        ),
      },
      cases.last,
    );
    recommender.dispose();
  });
});

it('masked: logits are adjusted by frequency where the setting says so', async () => {
  await selectBackend('ort');
  const items = Int32Array.from(sequences.flat());
  const ends = Int32Array.from(sequences.map((_, u) => sequences.slice(0, u + 1).flat().length - 1));
  const train = {
    users: Int32Array.from(sequences.keys()),
    targets: ends.map((end) => items[end]!),
    starts: ends.map((end, u) => end + 1 - sequences[u]!.length),
    ends,
    items,
  };
  const first = async (settings: object): Promise<number> => {
    const recommender = make('paper');
    const definition = bert4rec.objectives['masked']!;
    const objective = definition.create(definition.options.parse(settings) as object, recommender.options);
    const training = createTraining({ recommender, objective, train });
    const root = RandomStream.fromSeed(3);
    const [batch] = training.batches(0, root);
    const { loss } = await training.trainStep(batch!, { step: 0, epoch: 0, random: root });
    training.dispose();
    recommender.dispose();
    return loss;
  };
  const plain = await first({});
  expect(await first({ logitAdjustment: 0 })).toBe(plain);
  expect(Math.abs((await first({ logitAdjustment: 2 })) - plain)).toBeGreaterThan(1e-3);
});

describe('maskItems', () => {
  const histories = Array.from({ length: 400 }, (_, u) => Array.from({ length: 9 }, (_, l) => 1 + u + l));
  const groups = groupsOf(histories, [150, 250]);
  const targets = Int32Array.from(histories, (history) => history.at(-1)! + 1);
  const masked = (share: number, lastShare: number) =>
    maskItems(groups, targets, { share, lastShare }, RandomStream.fromSeed(7));

  it('hides the share asked for, and remembers what was there and where', () => {
    const { groups: hidden, read, items, weights } = masked(0.3, 0);
    const all = hidden.flatMap(({ history }) => [...history]);
    const whole = histories.flatMap((history, u) => [...history, targets[u]!]);
    const count = weights.reduce((a, b) => a + b, 0);
    expect(count / whole.length).toBeGreaterThan(0.28);
    expect(count / whole.length).toBeLessThan(0.33);
    expect(all.filter((item) => item === MASK)).toHaveLength(count);
    const restored = [...all];
    for (let s = 0; s < count; s++) restored[read[s]!] = items[s]!;
    expect(restored).toEqual(whole);
    expect([...read.subarray(count)].every((place) => place === read[0])).toBe(true);
  });

  it('hides one item at least, and the last alone in the share asked for', () => {
    const few = masked(1e-9, 0);
    expect(few.weights.reduce((a, b) => a + b, 0)).toBe(400);
    const last = masked(0.5, 1);
    expect([...last.items.subarray(0, 400)]).toEqual([...targets]);
    const some = masked(1, 0.25).weights.reduce((a, b) => a + b, 0);
    // 400 sequences of ten: all ten, or the last one.
    expect((4000 - some) / 9 / 400).toBeGreaterThan(0.2);
    expect((4000 - some) / 9 / 400).toBeLessThan(0.3);
  });
});

it('heads must divide the width', () => {
  expect(() =>
    bert4rec.complete!({ preset: 'paper', width: 8, heads: 3 }, { task: 'finetune', featureWidths: {} }),
  ).toThrow('heads must divide the width 8, got 3');
});
