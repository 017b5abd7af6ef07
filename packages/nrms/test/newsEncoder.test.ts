/** What a news is known by: views of its words and labels, vectors computed before, and how they are put together. */
import { RandomStream, selectBackend, tf } from '@ferry/engine';
import type { FeatureMatrix } from '@ferry/features';
import { disposeParameters } from '@ferry/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import { filledVectors, newsCatalogue, nrms } from '../src/index.ts';
import { createFusion, fuse, type Fusion, type Part } from '../src/encoders/fusion.ts';
import { createViewJoin, joinViews } from '../src/encoders/views.ts';
import { trainOn, worldRecommender } from './contract.ts';
import { impressionsOf, N, news, worldFeatures } from './world.ts';

beforeAll(async () => {
  await selectBackend('ort');
});

const part = (rows: number[][], there: number[]): Part => ({
  values: tf.tensor2d(rows),
  present: tf.tensor2d(there, [there.length, 1]),
});

/** A fused row for each of: both there, no picture, no text. */
function fused(fusion: Fusion, learned = false): number[][] {
  const p = createFusion({ fusion, width: 2, learned }, RandomStream.fromSeed(1));
  if (p.projection) {
    p.projection.weight.assign(tf.tensor2d([1, 0, 10, 0, 0, 1, 0, 10], [2, 4]));
    p.projection.bias.assign(tf.tensor1d([0.5, 0]));
  }
  p.missing?.assign(tf.tensor1d([7, 8]));
  const text = part(
    [
      [1, 2],
      [1, 2],
      [0, 0],
    ],
    [1, 1, 0],
  );
  const picture = part(
    [
      [3, 4],
      [0, 0],
      [3, 4],
    ],
    [1, 0, 1],
  );
  const found = tf.tidy(() => fuse(p, { fusion, heads: 1 }, text, picture).arraySync());
  disposeParameters(p);
  tf.dispose([text, picture] as unknown as tf.TensorContainer);
  return found;
}

describe('text and picture', () => {
  it('are multiplied, added, or projected side by side, and stand alone where the other is missing', () => {
    expect(fused('hadamard')).toEqual([
      [3, 8],
      [1, 2],
      [3, 4],
    ]);
    expect(fused('sum')).toEqual([
      [4, 6],
      [1, 2],
      [3, 4],
    ]);
    expect(fused('concat')).toEqual([
      [31.5, 42],
      [1, 2],
      [3, 4],
    ]);
  });

  it('have a learned vector in place of a missing picture', () => {
    expect(fused('hadamard', true)).toEqual([
      [3, 8],
      [7, 16],
      [3, 4],
    ]);
    expect(fused('sum', true)).toEqual([
      [4, 6],
      [8, 10],
      [3, 4],
    ]);
  });

  it('meet in cross-attention as its equations say: the text asks both and is added to the answer', () => {
    const p = createFusion({ fusion: 'cross-attention', width: 2, learned: false }, RandomStream.fromSeed(1));
    const { inProjection, outProjection } = p.attention!;
    // The identity as query, key and output, and values twice as large.
    inProjection.weight.assign(tf.tensor2d([1, 0, 0, 1, 1, 0, 0, 1, 2, 0, 0, 2], [6, 2]));
    outProjection.weight.assign(tf.tensor2d([1, 0, 0, 1], [2, 2]));
    const found = tf.tidy(() =>
      fuse(
        p,
        { fusion: 'cross-attention', heads: 1 },
        part(
          [
            [1, 0],
            [1, 0],
          ],
          [1, 1],
        ),
        part(
          [
            [0, 3],
            [0, 0],
          ],
          [1, 0],
        ),
      ).arraySync(),
    );
    const own = Math.exp(1 / Math.SQRT2) / (Math.exp(1 / Math.SQRT2) + 1);
    [1 + 2 * own, 6 * (1 - own), 1, 0].forEach((value, i) => {
      expect(found.flat()[i]).toBeCloseTo(value, 5);
    });
    disposeParameters(p);
  });

  it('can be given a white card in place of what is missing', () => {
    const matrix: FeatureMatrix = worldFeatures('image', (number) => number === 2);
    const filled = filledVectors(matrix, new Float32Array(matrix.width).fill(0.5));
    expect([...filled.data.subarray(matrix.width, 2 * matrix.width)]).toEqual(
      new Array(matrix.width).fill(0.5),
    );
    expect([filled.present[1], matrix.present[1], filled.data[0]]).toEqual([1, 0, matrix.data[0]]);
    expect(() => filledVectors(matrix, new Float32Array(3))).toThrow(/must have 8 numbers, got 3/);
  });
});

it('a view that a news lacks takes no part, and a news without any has the zero vector', () => {
  const join = createViewJoin(
    { join: 'attention', views: 2, width: 2, queryWidth: 3 },
    RandomStream.fromSeed(2),
  );
  const views = [
    part(
      [
        [1, 2],
        [1, 2],
        [0, 0],
      ],
      [1, 1, 0],
    ),
    part(
      [
        [5, 6],
        [0, 0],
        [0, 0],
      ],
      [1, 0, 0],
    ),
  ];
  const { values, present } = joinViews(join, views);
  const [both, first, none] = values.arraySync();
  expect(present.arraySync()).toEqual([[1], [1], [0]]);
  expect([first, none]).toEqual([
    [1, 2],
    [0, 0],
  ]);
  expect(both![0]).toBeGreaterThan(1);
  expect(both![0]).toBeLessThan(5);
  disposeParameters(join);
});

const small = {
  wordWidth: 12,
  heads: 2,
  headWidth: 6,
  queryWidth: 6,
  labelWidth: 6,
  history: 6,
  wordDropout: 0,
};
const halfOfThem = (number: number): boolean => number % 2 === 0;
const both = { text: worldFeatures('text'), image: worldFeatures('image', halfOfThem) };
const image = { image: both.image };

describe('every weight of an encoder is trained by what it reads', () => {
  const views = ['title', 'abstract', 'category', 'subcategory', 'entities'];
  it.each([
    ['all views', { views }, {}],
    ['views side by side', { views, viewJoin: 'concat' }, {}],
    ['a category alone', { views: ['category'] }, {}],
    ['words and pictures', { fusion: 'concat', missingPictures: 'learned' }, image],
    ['vectors of both', { encoder: 'vectors', fusion: 'cross-attention', missingPictures: 'learned' }, both],
    ['vectors of pictures', { encoder: 'vectors', missingPictures: 'learned' }, image],
    ['vectors as they are', { encoder: 'vectors', heads: 1, headWidth: 8, adapted: false }, both],
  ])('%s', async (_, settings, features) => {
    const recommender = await worldRecommender(nrms, { settings: { ...small, ...settings }, features });
    const before = new Map([...recommender.weights()].map(([name, v]) => [name, v.dataSync().slice()]));
    const { made, losses } = await trainOn(recommender, {
      training: impressionsOf(64, { seed: 1 }),
      epochs: 1,
    });
    expect(losses.every(Number.isFinite)).toBe(true);
    for (const [name, variable] of recommender.weights()) {
      // Subcategories are all 0 in this world: their vectors are not read.
      if (/^subcategory\.|^join\.attention\.projection\.bias/.test(name)) continue;
      expect(
        variable.dataSync().some((value, i) => value !== before.get(name)![i]),
        name,
      ).toBe(true);
    }
    made.dispose();
    recommender.dispose();
  });

  it('says which widths do not fit where vectors are fused as they are', async () => {
    const settings = { ...small, encoder: 'vectors', adapted: false };
    await expect(worldRecommender(nrms, { settings, features: both })).rejects.toThrow(
      /as wide as the model \(12\), got text vectors of 8 numbers/,
    );
  });
});

it('a catalogue has the labels and entities that are read, and vectors of its own news alone', () => {
  const catalogue = newsCatalogue(news, { views: ['category', 'entities'] });
  expect(catalogue.labels!.category!.size).toBe(5);
  const { table } = catalogue.entities!;
  expect(
    Array.from({ length: 7 }, (_, number) => [
      ...table.tokens.subarray(table.starts[number], table.starts[number + 1]),
    ]),
  ).toEqual([[], [], [3], [], [1], [], [3, 5]]);
  expect(newsCatalogue(news)).toEqual({ count: N });
  const other = { ...both.text, count: N - 1 };
  expect(() => newsCatalogue(news, { features: { text: other } })).toThrow(/of 120 news, got 119/);
});

it('refuses settings that contradict one another', () => {
  const problems = (settings: object, modalities: string[], trained: string[] = []): string[] => {
    const found: string[] = [];
    nrms.check!(nrms.options.parse(settings) as object, { modalities, trained }, (key, message) => {
      found.push(`${key.join('.')} ${message}`);
    });
    return found;
  };
  expect(problems({}, [])).toEqual([]);
  expect(problems({}, ['image'])).toEqual([]);
  expect(problems({}, ['text'])[0]).toMatch(/^encoder words reads no vectors of text/);
  expect(problems({ encoder: 'ids' }, ['text', 'image'])[0]).toMatch(/text or image/);
  expect(problems({ encoder: 'tokens' }, ['text', 'image'])[0]).toMatch(/^encoder tokens needs .*: trained/);
  expect(problems({ encoder: 'tokens' }, ['text', 'image'], ['text'])).toEqual([]);
  expect(problems({ encoder: 'vectors' }, [])[0]).toMatch(/needs features.text or features.image/);
  expect(problems({ views: ['title', 'title'] }, [])[0]).toMatch(/^views.1 must differ/);
});
