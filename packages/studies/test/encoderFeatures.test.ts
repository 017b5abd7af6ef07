/** Features by encoders in folders: the numbers of the networks themselves, one item at a time. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDomain, type Domain } from '@ferry/data';
import {
  createEncoder,
  loadEncoder,
  loadTokenizer,
  saveEncoder,
  saveVocabulary,
  tokenise,
  wordVocabulary,
} from '@ferry/encoders';
import { RandomStream, selectBackend, tf } from '@ferry/engine';
import { itemPictures, loadPictureProcessor, readPicture } from '@ferry/features';
import { encodePng } from '@ferry/sample-world';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeFeatures } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'ferry-encoders-'));
const texts = [
  'red cup',
  'a blue lamp for the desk',
  '',
  'red lamp',
  'red lamp',
  'one two three four five six seven',
];
const path = (...parts: string[]): string => join(folder, ...parts);
let domain: Domain;

beforeAll(async () => {
  await selectBackend('ort', { threads: 1, log: () => undefined });
  mkdirSync(path('shop'));
  texts.forEach((_, i) => {
    const pixels = Uint8Array.from({ length: 20 * 16 * 3 }, (_p, at) => (at * (i + 3) * 31) % 256);
    if (i !== 3) writeFileSync(path('shop', `${i}.png`), encodePng({ width: 20, height: 16, pixels }));
  });
  const line = (value: object): string => `${JSON.stringify(value)}\n`;
  writeFileSync(
    path('shop', 'items.jsonl'),
    texts
      .map((text, i) => line({ id: `i${i}`, title: text, text, ...(i !== 3 && { image: `${i}.png` }) }))
      .join(''),
  );
  writeFileSync(path('shop', 'sequences.jsonl'), line({ user: 'u', items: texts.map((_, i) => `i${i}`) }));
  domain = await readDomain(path('shop'));
  const random = RandomStream.fromSeed(1);
  const sizes = { hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 8 };
  const lines = wordVocabulary(texts, 60);
  const bert = createEncoder(
    { model_type: 'bert', ...sizes, vocab_size: lines.length, max_position_embeddings: 9 },
    random,
  );
  await saveEncoder(path('words'), bert);
  await saveVocabulary(path('words'), lines);
  const vit = createEncoder({ model_type: 'vit', ...sizes, image_size: 8, patch_size: 4 }, random);
  await saveEncoder(path('views'), vit);
  writeFileSync(path('views', 'preprocessor_config.json'), '{"size": {"height": 8, "width": 8}}');
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

it('are what the networks make, are kept, and are made again where a file of the encoder changes', async () => {
  const make = () =>
    makeFeatures(domain, { text: path('words'), image: path('views') }, { damaged: 'refuse' });
  const { text, image } = await make();
  expect([...text!.present]).toEqual([1, 1, 0, 1, 1, 1]);
  expect([...image!.present]).toEqual([1, 1, 1, 0, 1, 1]);
  const bert = await loadEncoder(path('words'));
  const tokenizer = await loadTokenizer(path('words'));
  const vit = await loadEncoder(path('views'));
  const processor = await loadPictureProcessor(path('views'));
  const { inputs } = await itemPictures(domain);
  for (const [i, value] of texts.entries()) {
    if (value !== '') {
      // Cut where the encoder has no more positions.
      const { ids, mask } = tokenise(tokenizer, [value], 9);
      const given = {
        ids: tf.tensor(ids.data, [...ids.shape], 'int32'),
        mask: tf.tensor(mask.data, [...mask.shape]),
      };
      const want = bert.vectors(bert.parameters, given).dataSync();
      want.forEach((number, f) => {
        expect(text!.data[i * 8 + f]).toBeCloseTo(number, 5);
      });
    }
    if (i === 3) continue;
    const pixels = tf.tensor(await readPicture(inputs[i]!.value, processor), [1, 3, 8, 8]);
    const want = vit.vectors(vit.parameters, { pixels }).dataSync();
    want.forEach((number, f) => {
      expect(image!.data[i * 8 + f]).toBeCloseTo(number, 5);
    });
  }
  const files = (): string[] => readdirSync(path('shop', 'features')).filter((name) => name.endsWith('.npy'));
  expect(
    files()
      .map((name) => name.replace(/-[0-9a-f]{8}\.npy$/, ''))
      .sort(),
  ).toEqual(['image-views', 'text-words']);
  await make();
  expect(files()).toHaveLength(2);
  writeFileSync(path('views', 'preprocessor_config.json'), '{"size": {"height": 12, "width": 8}}');
  const again = await make();
  expect(files()).toHaveLength(3);
  expect(again.image!.data).not.toEqual(image!.data);
});

it('say what a folder lacks before anything is encoded', async () => {
  const make = (wanted: object) => makeFeatures(domain, wanted, { damaged: 'refuse' });
  await expect(make({ text: path('nowhere') })).rejects.toThrow(
    /--text must be use-lite, clip or a folder .* no config.json in .*nowhere/,
  );
  await expect(make({ image: path('words') })).rejects.toThrow(/preprocessor_config.json/);
});
