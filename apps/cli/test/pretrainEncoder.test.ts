import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { ferry, ownFolder, run } from './ferry.ts';

ownFolder('pretrain-encoder');

const colours = ['red', 'blue', 'green', 'grey'];
const things = ['lamp', 'chair', 'table', 'clock'];

beforeAll(async () => {
  const { encodePng } = await import('@ferry/sample-world');
  mkdirSync('shop');
  const items = Array.from({ length: 32 }, (_, i) => {
    const kind = i % 4;
    const side = 16;
    const pixels = new Uint8Array(side * side * 3).fill(40);
    for (let at = 0; at < side * side; at++) pixels[at * 3 + (kind % 3)] = kind === 3 ? 40 : 220;
    writeFileSync(join('shop', `${i}.png`), encodePng({ width: side, height: side, pixels }));
    return { id: `i${i}`, title: `a ${colours[kind]!} ${things[Math.floor(i / 8)]!}`, image: `${i}.png` };
  });
  const lines = (values: object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  writeFileSync(join('shop', 'items.jsonl'), lines(items));
  const users = Array.from({ length: 12 }, (_, u) => ({
    user: `u${u}`,
    items: Array.from({ length: 6 }, (_, l) => `i${(u + 4 * l) % 32}`),
  }));
  writeFileSync(join('shop', 'sequences.jsonl'), lines(users));
  writeFileSync(
    'masked.yaml',
    `task: masked
domains: [shop]
seed: 3
backend: ort
threads: 1
text:
  config: { model_type: bert, hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 32 }
  vocabulary: 100
  length: 8
hidden: 0.3
training: { epochs: 4, batchSize: 8, learningRate: 0.01 }
`,
  );
});

const weightsOf = (run: string, part = 'text'): Buffer => readFileSync(join(run, part, 'model.safetensors'));
const losses = (run: string): number[] =>
  readFileSync(join(run, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string; loss: number })
    .filter(({ kind }) => kind === 'epoch')
    .map(({ loss }) => loss);

it('trains a text encoder by hidden tokens, to the same weights in one go and in two', async () => {
  await ferry('pretrain-encoder', 'masked.yaml', '--out', 'whole');
  const found = losses('whole');
  expect(found).toHaveLength(4);
  expect(found.at(-1)).toBeLessThan(found[0]! - 0.2);
  await ferry('pretrain-encoder', 'masked.yaml', 'training.epochs=2', '--out', 'parts');
  expect(weightsOf('parts').equals(weightsOf('whole'))).toBe(false);
  await ferry('pretrain-encoder', 'masked.yaml', '--out', 'parts');
  expect(weightsOf('parts').equals(weightsOf('whole'))).toBe(true);
  for (const file of ['config.json', 'vocab.txt', 'tokenizer_config.json', '1_Pooling/config.json'])
    expect(existsSync(join('whole', 'text', file)), file).toBe(true);
});

it('trains texts and pictures to find each other, and recipes read both', async () => {
  await ferry(
    'pretrain-encoder',
    ...[
      'masked.yaml',
      'task=contrastive',
      'training.epochs=6',
      'training.learningRate=0.003',
      'image.size=16',
    ],
    '--out',
    'pairs',
  );
  const found = losses('pairs');
  expect(found.at(-1)).toBeLessThan(found[0]! - 0.2);
  writeFileSync(
    'train.yaml',
    `job: train
target: shop
backend: ort
threads: 1
features:
  text: trained
  textEncoder: { from: pairs/text, length: 8 }
  image: trained
  imageEncoder: { from: pairs/image, tuning: none }
model: { name: sasrec, width: 8, inner: 8, positions: 6, tower: { ids: false, features: true } }
objective: { name: in-batch }
training: { epochs: 1, batchSize: 4 }
`,
  );
  await ferry('train', 'train.yaml', '--out', 'trained');
  expect(existsSync(join('trained', 'summary.json'))).toBe(true);
});

it.each([
  { given: ['task=masked'], error: 'domains' },
  { given: ['masked.yaml', 'hiden=0.2'], error: 'hidden' },
  { given: ['masked.yaml', 'training.batchSize=64'], error: 'batchSize must be at most the number of items' },
  { given: ['nothing.yaml'], error: 'no such file of settings: nothing.yaml' },
])('refuses $given', async ({ given, error }) => {
  const { code, error: shown } = await run('pretrain-encoder', ...given, '--out', 'refused');
  expect(code).toBe(1);
  expect(shown).toContain(error);
});
