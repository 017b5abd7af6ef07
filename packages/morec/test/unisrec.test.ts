import { compile, randomKey, randomSource, RandomStream, selectBackend, tf } from '@ferry/engine';
import { createCatalogue, createRanking, createRecommender, type Recommender } from '@ferry/sequential';
import { beforeAll, describe, expect, it } from 'vitest';
import { normalNumbers, unisrec, type UniSRec } from '../src/unisrec.ts';
import { close, expectLoss, floats, groupsOf, loadWeights, readFixture, stepOf } from './twin.ts';
import type { Encoded, LossCase } from './twin.ts';

type Form = 'inductive' | 'transductive';
interface Fixture {
  histories: number[][];
  targets: number[];
  views: number[][];
  features: Encoded;
  items: number;
  forms: Record<
    Form,
    { weights: Record<string, Encoded>; scores: Encoded; cases: { softmax: LossCase; contrast?: LossCase } }
  >;
}
const fixture = readFixture('unisrec.json') as Fixture;
const F = fixture.features.shape[1]!;

function make(form: Form, words?: Float32Array, adapterDropout = 0): Recommender<UniSRec> {
  const options = unisrec.options.parse({
    ...{ width: 4, inner: 6, positions: 6, experts: 3, ids: form === 'transductive' },
    ...{ dropout: 0, attentionDropout: 0, adapterDropout },
  }) as UniSRec['options'];
  const matrix = (data: Float32Array) => ({
    modality: 'text' as const,
    encoder: 'twin',
    count: fixture.items,
    width: F,
    data,
    present: new Uint8Array(fixture.items).fill(1),
  });
  const catalogue = createCatalogue({ featureWidths: { text: F } }, [
    { text: matrix(floats(fixture.features)), ...(words && { words: matrix(words) }) },
  ]);
  const recommender = createRecommender(unisrec, { options, catalogue, seed: 1 });
  loadWeights(recommender, fixture.forms[form].weights);
  return recommender;
}
const feed = (histories: number[][], sizes: number[]) =>
  unisrec.feed!({} as UniSRec['options'], groupsOf(histories, sizes), undefined, { longest: 6 });
/** Without a random source there is no noise, and so no gradient of it. */
const noisy = (name: string) => name !== 'text.noise';
const objectiveOf = (name: string, given: object, options: UniSRec['options']) => {
  const definition = unisrec.objectives[name]!;
  return definition.create(definition.options.parse(given) as object, options);
};

describe.each(['cpu', 'ort'] as const)('UniSRec on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  it.each(['inductive', 'transductive'] as const)('%s: logits, loss and gradients as the twin', (form) => {
    const recommender = make(form);
    const { scores, cases } = fixture.forms[form];
    const ranker = createRanking(recommender).ranker();
    close(ranker.score(fixture.histories).scores.dataSync(), floats(scores), 'scores');
    const inputs = { feed: feed(fixture.histories, [2, 3]), items: tf.tensor1d(fixture.targets, 'int32') };
    expectLoss(recommender, objectiveOf('softmax', {}, recommender.options), inputs, cases.softmax, noisy);
    recommender.dispose();
  });

  it('both contrasts of pre-training, rows of one target apart, as the twin', () => {
    const recommender = make('inductive');
    const inputs = {
      feed: feed(fixture.histories, [2, 3]),
      augmented: feed(fixture.views, [2, 3]),
      targets: tf.tensor1d(fixture.targets, 'int32'),
    };
    const objective = objectiveOf('contrast', { sequenceWeight: 0.3 }, recommender.options);
    expectLoss(recommender, objective, inputs, fixture.forms.inductive.cases.contrast!, noisy);
    recommender.dispose();
  });

  it('word-dropped text takes the place of the text where it is to', () => {
    const words = floats(fixture.features).map((x) => -x);
    const recommender = make('inductive', words);
    const step = stepOf(recommender);
    const items = unisrec.items(step, recommender.catalogue.inputs);
    const group = groupsOf([[1, 2, 3]], [1])[0]!;
    const vectorsOf = (replaced: number[]) => {
      const groups = [{ ...group, replaced: Float32Array.from(replaced) }];
      const own = unisrec.feed!(recommender.options, groups, undefined, { longest: 6 });
      return unisrec.queries(step, items, own).vectors.dataSync();
    };
    const plain = unisrec.queries(step, items, feed([[1, 2, 3]], [1])).vectors.dataSync();
    close(vectorsOf([0, 0, 0]), plain, 'none');
    expect([...vectorsOf([0, 1, 0])]).not.toEqual([...plain]);
    // All three words dropped: as if the texts were those.
    const other = createCatalogue({ featureWidths: { text: F } }, [
      {
        text: {
          ...recommender.catalogue,
          modality: 'text',
          encoder: 'twin',
          count: fixture.items,
          width: F,
          data: words,
          present: new Uint8Array(fixture.items).fill(1),
        },
      },
    ]);
    const swapped = unisrec.items(step, other.inputs);
    close(
      vectorsOf([1, 1, 1]),
      unisrec.queries(step, swapped, feed([[1, 2, 3]], [1])).vectors.dataSync(),
      'all',
    );
    recommender.dispose();
  });
});

it('the noise of the gate is standard normal, and there in training alone', async () => {
  await selectBackend('ort', { threads: 1, log: () => undefined });
  const draw = compile((key: tf.Tensor) => normalNumbers(randomSource(key), [200, 200]));
  const x = Array.from(draw(randomKey(RandomStream.fromSeed(4), 1)).dataSync());
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const moment = (power: number) => x.reduce((sum, each) => sum + (each - mean) ** power, 0) / x.length;
  expect(Math.abs(mean)).toBeLessThan(0.02);
  expect(Math.abs(moment(2) - 1)).toBeLessThan(0.03);
  expect(Math.abs(moment(4) - 3)).toBeLessThan(0.2);
  expect(x.every(Number.isFinite)).toBe(true);
});

it('drops features before the bias of an adapter is taken off, not after', async () => {
  await selectBackend('ort', { threads: 1, log: () => undefined });
  const recommender = make('inductive', undefined, 0.5);
  // All adapters alike, so that the noise of the gate changes nothing, with a bias that is not 0.
  const { experts } = recommender.parameters.text!;
  const [first, ...others] = Object.values(experts);
  first!.bias.assign(tf.range(1, F + 1));
  for (const { weight, bias } of others) {
    weight.assign(first!.weight);
    bias.assign(first!.bias);
  }
  const { inputs } = recommender.catalogue;
  const draw = compile((text: tf.Tensor, key: tf.Tensor) => {
    const step = { ...stepOf(recommender), random: randomSource(key) };
    return unisrec.items(step, { ...inputs, features: { text } }).vectors;
  });
  const drawn = (text: tf.Tensor, n: number) => draw(text, randomKey(RandomStream.fromSeed(4), n)).dataSync();
  // Features of 0 are 0 whether they are dropped or not; others change from draw to draw.
  const none = tf.zerosLike(inputs.features.text!);
  close(drawn(none, 1), drawn(none, 2), 'nothing to drop');
  expect([...drawn(inputs.features.text!, 1)]).not.toEqual([...drawn(inputs.features.text!, 2)]);
  recommender.dispose();
});
