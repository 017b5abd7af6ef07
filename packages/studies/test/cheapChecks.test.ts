import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nrms } from '@ferry/nrms';
import {
  imageEncoderSchema,
  readRecipe,
  textEncoderSchema,
  wholeSchema,
  type TrainRecipe,
} from '@ferry/recipes';
import { openForJob } from '../src/jobs/domain.ts';
import { newsOptionsOf, openNews } from '../src/jobs/newsData.ts';
import { checkSameModel } from '../src/jobs/target.ts';
import { checkStart } from '../src/jobs/weights.ts';

let folder: string;
const bert = join(import.meta.dirname, '../../encoders/test/fixtures/bert');
const at = (...parts: string[]): string => join(folder, ...parts);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-cheap-'));
  // A domain that cannot be read: what is found first was looked for first.
  mkdirSync(at('shop'));
  writeFileSync(at('shop', 'items.jsonl'), 'no JSON\n');
  writeFileSync(at('shop', 'sequences.jsonl'), '');
  for (const name of ['known', 'unknown', 'without-weights', 'wordless', 'no-pictures'])
    cpSync(bert, at(name), { recursive: true });
  writeFileSync(at('known', 'vocab.txt'), '[PAD]\n[UNK]\n[CLS]\n[SEP]\n');
  writeFileSync(at('unknown', 'config.json'), '{"model_type":"llama"}');
  rmSync(at('without-weights', 'model.safetensors'));
  for (const name of ['tokenizer.json', 'vocab.txt', 'vocab.json'])
    rmSync(at('wordless', name), { force: true });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Opens the domain that cannot be read, with an encoder of a modality. */
const open = (modality: 'text' | 'image', settings: object): Promise<unknown> => {
  const none = { text: 'none', image: 'none', damagedPictures: 'refuse' } as const;
  const features =
    modality === 'text'
      ? { ...none, text: 'trained' as const, textEncoder: textEncoderSchema.parse(settings) }
      : { ...none, image: 'trained' as const, imageEncoder: imageEncoderSchema.parse(settings) };
  return openForJob(at('shop'), { features, evaluation: undefined });
};

describe('before a domain is read, an encoder is refused', () => {
  it.each([
    ['unknown', /unknown.config\.json: model_type must be one of bert, .*got "llama"/],
    ['without-weights', /must hold model\.safetensors, pytorch_model\.bin or one \.pth file, got none/],
    ['wordless', /must hold tokenizer\.json, or vocab\.txt .*got none of them/],
    ['nowhere', /features\.textEncoder\.from: .*nowhere must be a folder/],
    ['known', /items\.jsonl:1: a line must be one JSON object/],
  ])('of a folder: %s', async (name, says) => {
    await expect(open('text', { from: at(name) })).rejects.toThrow(says);
  });

  it('of a folder of pictures, and of settings', async () => {
    await expect(open('image', { from: at('no-pictures') })).rejects.toThrow(
      /reads text, got modality image/,
    );
    await expect(open('text', { config: { model_type: 'llama' } })).rejects.toThrow(
      /model_type must be one of/,
    );
    await expect(open('image', { config: { model_type: 'vit', depth: 3 } })).rejects.toThrow(/got depth/);
    await expect(open('image', {})).rejects.toThrow(/items\.jsonl:1/);
  });
});

describe('before impressions are read, a recipe of news is refused', () => {
  beforeAll(() => {
    mkdirSync(at('mind', 'train'), { recursive: true });
    for (const name of ['news.tsv', 'behaviors.tsv']) writeFileSync(at('mind', 'train', name), 'no table\n');
  });
  const openMind = (sections: object): Promise<unknown> => {
    const given = { job: 'train' as const, target: at('mind'), ...sections };
    const recipe = readRecipe(JSON.stringify(given), 'r.yaml', wholeSchema(given, nrms)) as TrainRecipe;
    return openNews(recipe, newsOptionsOf(nrms, recipe));
  };
  const model = { name: 'nrms', encoder: 'tokens' };
  const trained = (textEncoder: object): object => ({ model, features: { text: 'trained', textEncoder } });

  it.each([
    [
      'an encoder that is not there',
      trained({ from: 'nowhere' }),
      /textEncoder\.from: .*nowhere must be a folder/,
    ],
    [
      'a pooling that the model does itself',
      trained({ config: { model_type: 'bert', hidden_size: 8, num_attention_heads: 2 }, pooling: 'mean' }),
      /textEncoder\.pooling must be left out where model\.encoder is tokens/,
    ],
    [
      'texts that are not there',
      { model: { name: 'nrms', texts: 'nowhere.tsv' } },
      /model\.texts: no such file: nowhere\.tsv/,
    ],
    [
      'white cards for an encoder that cannot look',
      {
        model: { name: 'nrms', encoder: 'vectors', missingPictures: 'white' },
        features: { image: 'stored' },
      },
      /model\.missingPictures: white needs an encoder that can look/,
    ],
    ['nothing: then the tables are', { model: { name: 'nrms' } }, /news\.tsv:1/],
  ])('for %s', async (_name, sections, says) => {
    await expect(openMind(sections)).rejects.toThrow(says);
  });
});

it('what a training starts from is a run or a checkpoint', () => {
  for (const [name, got] of [
    ['shop', 'a domain'],
    ['known', 'a directory of '],
    ['shop/items.jsonl', 'a file'],
  ] as const)
    expect(() => {
      checkStart(at(name));
    }).toThrow(`from: ${at(name)} must be a run or one of its checkpoints, got ${got}`);
});

it('is a run of the same model', () => {
  mkdirSync(at('other', 'checkpoints'), { recursive: true });
  writeFileSync(at('other', 'recipe.yaml'), 'job: train\ntarget: shop\nmodel: sasrec\n');
  writeFileSync(at('other', 'summary.json'), '{"reason":"epochs"}');
  const refuse = (name: string) => () => {
    checkSameModel(at('other'), { name, title: 'It' });
  };
  expect(refuse('missrec')).toThrow(`from: ${at('other')} must be a run of It (missrec), got one of sasrec`);
  expect(refuse('sasrec')).not.toThrow();
});
