/** Encoders of texts and pictures that are trained with a model of news. */
import { selectBackend } from '@ferry/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import { lstur, naml, nrms, recTransformer, type NewsRecommender } from '../src/index.ts';
import { contractOf, scoresOf, trainOn, worldRecommender } from './contract.ts';
import { worldEncoders, type WorldEncoders } from './encodedWorld.ts';
import { impressionsOf } from './world.ts';

const small = { heads: 2, headWidth: 6, queryWidth: 6, history: 6, wordDropout: 0 };
const tokens = { ...small, encoder: 'tokens' };
const both = ['text', 'image'] as const;
const few = impressionsOf(64, { seed: 3 });

contractOf(nrms, {
  settings: tokens,
  encoded: () => worldEncoders({ tokens: true }),
  epochs: 6,
  learningRate: 0.01,
});
contractOf(nrms, {
  settings: { ...small, encoder: 'vectors', fusion: 'sum' },
  encoded: () => worldEncoders({ modalities: both }),
  epochs: 6,
  learningRate: 0.01,
});

/** A model with these encoders. */
const recommenderOf = (
  encoders: WorldEncoders,
  settings: object = tokens,
  model: Parameters<typeof worldRecommender>[0] = nrms,
): Promise<NewsRecommender> => worldRecommender(model, { settings, encoded: () => worldEncoders(encoders) });

/** Trains an epoch and gives losses and weights. */
async function trained(recommender: NewsRecommender) {
  const before = new Map([...recommender.weights()].map(([name, v]) => [name, v.dataSync().slice()]));
  const { made, losses } = await trainOn(recommender, { training: few, epochs: 1, learningRate: 0.01 });
  const after = new Map([...recommender.weights()].map(([name, v]) => [name, v.dataSync().slice()]));
  made.dispose();
  const moved = [...after.keys()].filter((name) =>
    after.get(name)!.some((value, i) => value !== before.get(name)![i]),
  );
  return { losses, after, moved };
}

beforeAll(async () => {
  await selectBackend('ort');
});

describe('encoders that are trained with a model of news', () => {
  it.each([
    ['NRMS, tokens', nrms, { ...tokens, fusion: 'hadamard' }, { tokens: true, modalities: both }],
    [
      'NRMS, a learned picture',
      nrms,
      { ...tokens, missingPictures: 'learned' },
      { tokens: true, modalities: both },
    ],
    ['NRMS, words and pictures', nrms, { ...small, wordWidth: 8 }, { modalities: ['image'] as const }],
    [
      'NAML',
      naml,
      { encoder: 'tokens', filters: 8, queryWidth: 6, history: 6 },
      { tokens: true, modalities: both },
    ],
    ['LSTUR', lstur, { encoder: 'vectors', filters: 8, history: 6 }, {}],
    ['RecTransformer', recTransformer, { width: 8, heads: 2, layers: 1, history: 6 }, { modalities: both }],
  ])('move with it, all that can be trained: %s', async (_, model, settings, encoders) => {
    const recommender = await recommenderOf(encoders, settings, model);
    const { losses, moved } = await trained(recommender);
    expect(losses.every(Number.isFinite)).toBe(true);
    const wanted = [...recommender.trained().keys()].filter((name) => name.startsWith('encoders.'));
    expect(wanted.length).toBeGreaterThan(30);
    // A softmax does not feel what all its scores have in common.
    const idle = /key\.bias$/;
    expect(moved.filter((name) => name.startsWith('encoders.') && !idle.test(name)).sort()).toEqual(
      wanted.filter((name) => !idle.test(name)).sort(),
    );
    recommender.dispose();
  });

  it.each([
    ['none', [/^$/, 0]],
    [{ layers: 1 }, [/^encoders\.text\.weights\.layers\.1\./, 15]],
    [{ lora: { rank: 2 } }, [/^encoders\.text\.lora\./, 8]],
    [{ prompt: { length: 2 } }, [/^encoders\.text\.prompt/, 1]],
  ] as const)('of which tuning %j trains this alone', async (tuning, [which, count]) => {
    const recommender = await recommenderOf({ tokens: true, tuning });
    const { moved } = await trained(recommender);
    const own = moved.filter((name) => name.startsWith('encoders.'));
    expect(own.length).toBeGreaterThanOrEqual(count);
    for (const name of own) expect(name).toMatch(which);
    recommender.dispose();
  });

  it('give what they give when nothing is kept of frozen layers', async () => {
    const [kept, whole] = [
      await recommenderOf({ tokens: true, tuning: 'none' }),
      await recommenderOf({ tokens: true }),
    ];
    expect(Object.keys(kept.catalogue.encoded!.content).sort()).toEqual([
      'text.hidden',
      'text.ids',
      'text.mask',
    ]);
    const [a, b] = [await scoresOf(kept, few), await scoresOf(whole, few)];
    const largest = Math.max(...Array.from(b, Math.abs));
    a.forEach((score, i) => {
      expect(Math.abs(score - b[i]!) / largest).toBeLessThan(1e-5);
    });
    kept.dispose();
    whole.dispose();
  });

  it.each([true, false])(
    'move as they do whole when news pass in parts, by the token: %s',
    async (byToken) => {
      // Dropout draws for each part anew.
      const settings = { ...small, encoder: byToken ? 'tokens' : 'vectors', fusion: 'sum' };
      const use = { tokens: byToken, modalities: both };
      const sizes: number[] = [];
      const whole = await recommenderOf(use, settings);
      const parts = await recommenderOf(
        { ...use, microBatch: 9, asked: (rows) => sizes.push(rows) },
        settings,
      );
      const want = await trained(whole);
      const found = await trained(parts);
      expect(new Set(sizes)).toEqual(new Set([9]));
      found.losses.forEach((loss, i) => {
        expect(loss).toBeCloseTo(want.losses[i]!, 4);
      });
      for (const [name, values] of want.after) {
        const other = found.after.get(name)!;
        const worst = Math.max(...Array.from(values, (value, i) => Math.abs(value - other[i]!)));
        expect(worst, name).toBeLessThan(1e-3);
      }
      whole.dispose();
      parts.dispose();
    },
  );

  it('read each distinct news of a step once, and each news of an evaluation', async () => {
    const asked: number[] = [];
    const recommender = await recommenderOf({ tokens: true, asked: (rows) => asked.push(rows) });
    await trained(recommender);
    // 32 histories of up to six clicks and five candidates each, of 120 news and the empty one.
    expect(Math.max(...asked)).toBeLessThanOrEqual(128);
    asked.length = 0;
    await scoresOf(recommender, few, 512);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toBeLessThanOrEqual(121);
    recommender.dispose();
  });

  it('must be given content of all news', async () => {
    const encoded = await worldEncoders({});
    const { content } = encoded;
    const short = { ...content, 'text.ids': { ...content['text.ids']!, shape: [5, 12] } };
    const made = worldRecommender(nrms, {
      settings: { ...small, encoder: 'vectors' },
      encoded: () => Promise.resolve({ ...encoded, content: short }),
    });
    await expect(made).rejects.toThrow('text.ids must be of 120 news and the empty one, got 5 rows');
  });
});
