/** Features by encoders in folders: the numbers of the networks themselves, one item at a time. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
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
import {
  itemPictures,
  listEncodings,
  loadPictureProcessor,
  parseEncoding,
  parseNpy,
  readPicture,
  readRecord,
  type FeatureMatrix,
} from '@ferry/features';
import { encodePng } from '@ferry/sample-world';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { lookup, pictureTokens, tokenizer as tokenizerFile } from '../../features/test/tinyModels.ts';
import { makeDucho, makeEncodings } from '../src/index.ts';

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

const make = (...given: Record<string, unknown>[]): Promise<FeatureMatrix[]> =>
  makeEncodings(
    domain,
    given.map((one) => parseEncoding(one, 'test')),
  );

it('are what the networks make, are kept, and are made again where a file of the encoder changes', async () => {
  const both = () => make({ text: path('words') }, { image: path('views') });
  const [text, image] = await both();
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
  const files = (): string[] =>
    readdirSync(path('shop', 'features'))
      .filter((name) => name.endsWith('.npy'))
      .sort();
  expect(files()).toEqual(['image-views.npy', 'text-words.npy']);
  expect((await readRecord(text!.source!))!.model).toMatchObject({
    name: 'words',
    weights: { file: 'model.safetensors' },
    output: 'bert of model.safetensors',
    pooling: 'cls',
    preprocessing: '9 tokens',
  });
  expect(
    (await listEncodings(domain)).map(({ name, width, missing, state }) => [name, width, missing, state]),
  ).toEqual([
    ['views', 8, 1, 'up to date'],
    ['words', 8, 1, 'up to date'],
  ]);
  const before = (await readRecord(image!.source!))!.created;
  expect((await readRecord((await both())[1]!.source!))!.created).toBe(before);
  writeFileSync(path('views', 'preprocessor_config.json'), '{"size": {"height": 12, "width": 8}}');
  const again = await both();
  expect(again[1]!.data).not.toEqual(image!.data);
  expect(again[0]!.data).toEqual(text!.data);
});

it('take the pooling, length and tokens that are asked for', async () => {
  const [cls, mean, short, unit] = await make(
    { text: path('words'), output: 'cls', name: 'a' },
    { text: path('words'), output: 'mean', name: 'b' },
    { text: path('words'), maxTokens: 3, name: 'c' },
    { text: path('words'), normalise: true, name: 'd' },
  );
  expect(mean!.data).not.toEqual(cls!.data);
  // The sixth text has more than three tokens, the first has not more than four with its marks.
  expect(short!.data.slice(40, 48)).not.toEqual(cls!.data.slice(40, 48));
  expect(Math.hypot(...unit!.data.slice(0, 8))).toBeCloseTo(1, 5);
});

it('of weights in fewer bytes are kept beside the others, and say how near they are', async () => {
  const [own, half, quarter] = await make(
    { text: path('words') },
    { text: path('words'), weights: 'float16' },
    { text: path('words'), weights: 'int8', batchSize: 2 },
  );
  expect([half!.encoder, quarter!.encoder]).toEqual(['words-float16', 'words-int8']);
  for (const [matrix, weights, bound] of [
    [half!, 'float16', 0.99999],
    [quarter!, 'int8', 0.99],
  ] as const) {
    // Four of the six texts differ, and all are compared.
    const rows = [0, 1, 3, 5].map((i) => [own!, matrix].map(({ data }) => data.slice(8 * i, 8 * i + 8)));
    const cosines = rows.map(([a, b]) => {
      const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, v, i) => sum + v * y[i]!, 0);
      return dot(a!, b!) / Math.sqrt(dot(a!, a!) * dot(b!, b!));
    });
    const { agreement } = (await readRecord(matrix.source!))!.model!;
    expect(agreement).toMatchObject({ weights, inputs: 4 });
    expect(agreement!.least).toBeCloseTo(Math.min(...cosines), 6);
    expect(agreement!.mean).toBeCloseTo(cosines.reduce((a, b) => a + b) / 4, 6);
    expect(agreement!.least).toBeGreaterThan(bound);
    expect(agreement!.least).toBeLessThan(agreement!.mean);
    expect(matrix.data).not.toEqual(own!.data);
    const note = new RegExp(
      `^weights of ${weights}: the cosine to vectors of float32 is at least 0.99.*, of 4 texts$`,
    );
    expect(matrix.notes!.at(-1)).toMatch(note);
  }
  // What is there is told again, and not made again.
  const [again] = await make({ text: path('words'), weights: 'int8', batchSize: 2 });
  expect(again!.notes).toEqual(quarter!.notes);
  await make({ image: path('views'), weights: 'int8' });
  const listed = (await listEncodings(domain)).map(({ name }) => name);
  expect(listed).toEqual(expect.arrayContaining(['views-int8', 'words-float16', 'words-int8']));
});

it('of pictures that cannot be decoded are not compared', async () => {
  const broken = path('broken');
  mkdirSync(broken);
  const pixels = Uint8Array.from({ length: 300 }, (_, at) => (7 * at) % 256);
  for (const i of [0, 1])
    writeFileSync(
      join(broken, `${i}.png`),
      encodePng({ width: 10, height: 10, pixels: pixels.map((p) => p ^ (90 * i)) }),
    );
  writeFileSync(join(broken, '2.png'), 'no picture');
  const lines = [0, 1, 2].map((i) => `${JSON.stringify({ id: `i${i}`, title: 'x', image: `${i}.png` })}\n`);
  writeFileSync(join(broken, 'items.jsonl'), lines.join(''));
  writeFileSync(
    join(broken, 'sequences.jsonl'),
    `${JSON.stringify({ user: 'u', items: ['i0', 'i1', 'i2'] })}\n`,
  );
  const given = [parseEncoding({ image: path('views'), weights: 'int8' }, 'test')];
  const [matrix] = await makeEncodings(await readDomain(broken), given, { damaged: 'missing' });
  expect((await readRecord(matrix!.source!))!.model!.agreement).toMatchObject({ inputs: 2 });
});

it('are of the ONNX file where a folder has one too, unless the weights are named', async () => {
  const [own] = await make({ text: path('words') });
  mkdirSync(path('words', 'onnx'));
  writeFileSync(path('words', 'onnx', 'model.onnx'), 'no model');
  await expect(make({ text: path('words'), name: 'both' })).rejects.toThrow(/tokenizer|cannot be loaded/);
  await expect(make({ text: path('words'), weights: 'int8' })).rejects.toThrow(
    /weights: int8 is for folders with weights and without an ONNX file, got .*model.onnx/,
  );
  const [named] = await make({ text: path('words'), name: 'both', file: 'model.safetensors' });
  expect(named!.data).toEqual(own!.data);
  rmSync(path('words', 'onnx'), { recursive: true });
});

it('say what a folder lacks before anything is encoded', async () => {
  await expect(make({ text: path('nowhere') })).rejects.toThrow(/a folder with an ONNX export or weights/);
  await expect(make({ text: path('shop') })).rejects.toThrow(
    /must hold an ONNX export .* or config.json and weights/,
  );
  await expect(make({ image: path('words') })).rejects.toThrow(/preprocessor_config.json/);
  await expect(make({ text: path('words'), output: 'layer.0' })).rejects.toThrow(
    /output of weights without an ONNX file must be own, .*cls.*, got "layer.0"/,
  );
  expect(() => make({ text: path('words'), weights: 'int4' })).toThrow(/test.weights: Invalid option/);
  await expect(make({ text: 'use-lite', weights: 'int8' })).rejects.toThrow(
    /use-lite has no setting 'weights'/,
  );
  await expect(make({ image: path('views'), preprocessing: 'minmax' })).rejects.toThrow(
    /have no setting 'preprocessing'/,
  );
  vi.stubEnv('FERRY_DATA', '');
  await expect(make({ text: '$FERRY_DATA/x' })).rejects.toThrow(/needs the environment variable FERRY_DATA/);
  vi.unstubAllEnvs();
});

it('make of an ONNX export what they make of the weights of the same folder', async () => {
  mkdirSync(path('export', '1_Pooling'), { recursive: true });
  writeFileSync(path('export', 'model.onnx'), lookup);
  writeFileSync(path('export', 'tokenizer.json'), tokenizerFile);
  writeFileSync(
    path('export', 'tokenizer_config.json'),
    '{"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "p"}',
  );
  mkdirSync(path('ab'));
  const items = ['ab', 'ba', 'bb'].map(
    (text, i) => `${JSON.stringify({ id: `i${i}`, title: text, text })}\n`,
  );
  writeFileSync(path('ab', 'items.jsonl'), items.join(''));
  writeFileSync(
    path('ab', 'sequences.jsonl'),
    `${JSON.stringify({ user: 'u', items: ['i0', 'i1', 'i2'] })}\n`,
  );
  const own = await readDomain(path('ab'));
  const made = async (config: object, pooling?: object): Promise<number[]> => {
    writeFileSync(path('export', 'config.json'), JSON.stringify(config));
    const file = path('export', '1_Pooling', 'config.json');
    rmSync(file, { force: true });
    if (pooling) writeFileSync(file, JSON.stringify(pooling));
    const [matrix] = await makeEncodings(own, [parseEncoding({ text: path('export') }, 'test')]);
    return [...matrix!.data];
  };
  const [first, mean] = [
    [1, 0, 0, 2, 0, 2],
    [0.5, 1, 0.5, 1, 0, 2],
  ];
  expect(await made({ model_type: 'bert' })).toEqual(first);
  expect(await made({ model_type: 'opt' })).toEqual(mean);
  expect(await made({ model_type: 'unheard-of' })).toEqual(mean);
  expect(await made({ model_type: 'bert' }, { pooling_mode_mean_tokens: true })).toEqual(mean);
  expect(await made({ model_type: 'opt' }, { pooling_mode: 'cls' })).toEqual(first);
  await expect(made({ model_type: 'bert' }, { pooling_mode_max_tokens: true })).rejects.toThrow(
    /1_Pooling.config\.json: tokens of an ONNX file become a vector by cls or mean, got max/,
  );
});

it('make of an ONNX export of pictures what its family makes of the weights', async () => {
  mkdirSync(path('pictures'));
  writeFileSync(path('pictures', 'model.onnx'), pictureTokens);
  const made = async (config: object): Promise<number[]> => {
    writeFileSync(path('pictures', 'config.json'), JSON.stringify(config));
    const [matrix] = await make({ image: path('pictures'), size: [4, 4], preprocessing: 'none' });
    return [...matrix!.data.slice(0, 3)];
  };
  const pooled = await made({ model_type: 'swin' });
  expect(Math.min(...pooled)).toBeGreaterThan(0);
  // The first token is twice the pooled output.
  const first = pooled.map((value) => 2 * value);
  expect(await made({ model_type: 'vit' })).toEqual(first);
  expect(await made({ model_type: 'vit_mae' })).toEqual(first);
  expect(await made({ model_type: 'unheard-of' })).toEqual(pooled);
});

it('make of a sentence encoder of Ducho what its folder says, anew where that has changed', async () => {
  const model = path('sentences');
  mkdirSync(join(model, 'onnx'), { recursive: true });
  mkdirSync(join(model, '1_Pooling'));
  const files = {
    'onnx/model.onnx': lookup,
    'tokenizer.json': tokenizerFile,
    'tokenizer_config.json': '{"tokenizer_class": "BertTokenizer", "pad_token": "p"}',
    'config.json': '{"model_type": "bert"}',
  };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(model, name), bytes);
  writeFileSync(path('meta.tsv'), 'asin\tdescription\nx\tab\ny\tbb\n');
  writeFileSync(
    path('ducho.yml'),
    `dataset_path: ${path('.')}
textual:
  items:
    input_path: meta.tsv
    item_column: asin
    text_column: description
    output_path: ducho
    model: [{ model_name: ${model}, output_layers: 1, clear_text: False, backend: sentence_transformers }]
`,
  );
  const made = async (pooling?: object): Promise<[number, number[]]> => {
    const file = join(model, '1_Pooling/config.json');
    rmSync(file, { force: true });
    if (pooling) writeFileSync(file, JSON.stringify(pooling));
    const [result] = await makeDucho(path('ducho.yml'));
    const vector = parseNpy(readFileSync(join(result!.folder, 'x.npy')), 'x.npy');
    return [result!.kept, vector.kind === 'numbers' ? [...vector.data] : []];
  };
  // Without a word on it by the mean, also of a family that is read by its first token.
  expect(await made()).toEqual([0, [0.5, 1]]);
  expect(await made({ pooling_mode_cls_token: true })).toEqual([0, [1, 0]]);
  expect(await made({ pooling_mode: 'cls' })).toEqual([2, [1, 0]]);
  await expect(made({ pooling_mode_max_tokens: true })).rejects.toThrow(/by cls or mean, got max/);
  // By its name, where that says it.
  const named = path('all-MiniLM-L6-v2');
  rmSync(join(model, '1_Pooling'), { recursive: true });
  renameSync(model, named);
  const configuration = readFileSync(path('ducho.yml'), 'utf8');
  writeFileSync(path('ducho.yml'), configuration.replaceAll(model, named));
  const [result] = await makeDucho(path('ducho.yml'));
  const vector = parseNpy(readFileSync(join(result!.folder, 'x.npy')), 'x.npy');
  const [a, b] = vector.kind === 'numbers' ? [...vector.data] : [];
  expect(a! ** 2 + b! ** 2).toBeCloseTo(1, 6);
});
