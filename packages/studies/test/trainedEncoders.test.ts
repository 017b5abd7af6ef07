/** What encoders that are trained with a model read of items. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectBackend, tf } from '@ferry/engine';
import { itemPictures, type FeatureDomain } from '@ferry/features';
import { imageEncoderSchema, textEncoderSchema, type TrainRecipe } from '@ferry/recipes';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { trainedEncoders, type EncoderUse } from '../src/jobs/trainedEncoders.ts';

const directory = mkdtempSync(join(tmpdir(), 'ferry-encoders-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});
beforeAll(async () => {
  await selectBackend('cpu');
  const red = { width: 8, height: 8, channels: 3 as const, background: { r: 255, g: 0, b: 0 } };
  writeFileSync(join(directory, 'a.png'), await sharp({ create: red }).png().toBuffer());
});

const sizes = { hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 8 };
const features = {
  text: 'trained',
  textEncoder: textEncoderSchema.parse({
    config: { model_type: 'bert', ...sizes },
    vocabulary: 100,
    length: 9,
  }),
  image: 'trained',
  imageEncoder: imageEncoderSchema.parse({ config: { model_type: 'vit', patch_size: 4, ...sizes }, size: 8 }),
  damagedPictures: 'refuse',
} as TrainRecipe['features'];

/** Encoders of three items, the second without a picture, the third without either. */
async function open(use?: EncoderUse, own = features) {
  const texts = ['a red thing', 'a thing', ''];
  const domain: FeatureDomain = {
    ...{ name: 'three', directory },
    items: { ids: ['1', '2', '3'], titles: texts, texts, images: ['a.png', undefined, undefined] },
  };
  const items = {
    domain,
    texts: texts.map((text) => text || undefined),
    pictures: await itemPictures(domain),
  };
  return (await trainedEncoders({ features: own, seed: 1 }, [items], { line: () => undefined }, use))!;
}

async function read(use?: EncoderUse) {
  const found = await open(use);
  const { content, present } = found.domains[0]!;
  const pixels = content!['image.pixels'] as { data: Uint8Array };
  return {
    tokens: content!['text.ids']!.shape,
    pictures: [0, 1, 2].map((item) => [...new Set(pixels.data.subarray(192 * item, 192 * (item + 1)))]),
    present: [[...present!.text!], [...present!.image!]],
    widths: [found.encoders.text!.width, found.encoders.image!.width],
  };
}

/** What is read, with padding as texts need it, and nothing of a picture that is missing. */
const plain = {
  tokens: [3, 5],
  pictures: [[255, 0], [0], [0]],
  present: [
    [1, 1, 0],
    [1, 0, 0],
  ],
  widths: [8, 8],
};

it('is as long as the longest text needs, and nothing of a picture that is missing', async () => {
  expect(await read()).toEqual(plain);
});

it('has padding up to its length, and white cards, where a model asks for them', async () => {
  expect(await read({ tokens: true, padded: true, whiteCards: true })).toEqual({
    ...plain,
    tokens: [3, 9],
    pictures: [[255, 0], [255], [255]],
    present: [plain.present[0], [1, 1, 1]],
  });
});

it('is made by the weights that a model asks for, frozen ones too', async () => {
  const still = { ...features, textEncoder: { ...features.textEncoder!, tuning: 'none' as const } };
  const vectorsOf = async (use?: EncoderUse): Promise<Set<number>> => {
    const { domains } = await open(use, still);
    return new Set((domains[0]!.content!['text.vectors'] as { data: Float32Array }).data);
  };
  expect((await vectorsOf()).size).toBeGreaterThan(8);
  expect(await vectorsOf({ weight: (value) => tf.zerosLike(value) })).toEqual(new Set([0]));
});
