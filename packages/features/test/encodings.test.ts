import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readDomain } from '@ferry/data';
import {
  encodeItems,
  listEncodings,
  loadFeatures,
  parseEncoding,
  readEncodings,
  readRecord,
  type FeatureMatrix,
} from '@ferry/features';
import { encodeOnnx } from '../src/onnx.ts';
import { directoryWith, domainOf } from './helpers.ts';
import { colours, ids, letters, meanOver, picture, pixels, tokenizer } from './tinyModels.ts';

/** A text model that gives states of tokens, a pooled vector (the states' sum) and, inside, twice the states. */
const textModel = encodeOnnx({
  inputs: [ids, { name: 'attention_mask', type: 'int64', shape: ['B', 'L'] }],
  outputs: [
    { name: 'last_hidden_state', type: 'float32', shape: ['B', 'L', 2] },
    { name: 'pooler_output', type: 'float32', shape: ['B', 2] },
  ],
  initializers: [letters, { name: 'two', shape: [], data: Float32Array.of(2) }],
  nodes: [
    { op: 'Gather', inputs: ['table', 'input_ids'], outputs: ['last_hidden_state'] },
    { op: 'Mul', inputs: ['last_hidden_state', 'two'], outputs: ['/encoder/layer.0/Mul_output_0'] },
    meanOver([1], '/encoder/layer.0/Mul_output_0', 'pooler_output'),
  ],
});
const textFolder = {
  'config.json': JSON.stringify({ model_type: 'bert', max_position_embeddings: 5 }),
  'tokenizer_config.json': JSON.stringify({ tokenizer_class: 'BertTokenizer', pad_token: 'p' }),
  'tokenizer.json': tokenizer,
  'onnx/model.onnx': textModel,
};
const imageFolder = {
  'config.json': JSON.stringify({ model_type: 'resnet' }),
  'preprocessor_config.json': JSON.stringify({
    ...{ image_processor_type: 'ViTImageProcessor', do_resize: true, size: { height: 8, width: 8 } },
    ...{ do_rescale: true, rescale_factor: 1 / 255, do_normalize: true, resample: 3 },
    ...{ image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] },
  }),
  'onnx/model.onnx': colours('pooler_output', 1),
};
/** Pictures with colours last, 4 x 4; the mean of each colour times three. */
const nhwc = encodeOnnx({
  inputs: [{ name: 'x', type: 'float32', shape: ['B', 4, 4, 3] }],
  outputs: [{ name: 'y', type: 'float32', shape: ['B', 3] }],
  initializers: [{ name: 'three', shape: [], data: Float32Array.of(3) }],
  nodes: [meanOver([1, 2], 'x', 'means'), { op: 'Mul', inputs: ['means', 'three'], outputs: ['y'] }],
});

const under = (
  folder: string,
  files: Record<string, string | Uint8Array>,
): Record<string, string | Uint8Array> =>
  Object.fromEntries(Object.entries(files).map(([name, content]) => [`${folder}/${name}`, content]));
const vectors = ({ data, width }: FeatureMatrix): number[][] =>
  Array.from({ length: data.length / width }, (_, row) =>
    Array.from(data.subarray(row * width, (row + 1) * width), (value) => Math.round(value * 1e4) / 1e4),
  );
const encoding = (given: Record<string, unknown>) => parseEncoding(given, 'test');
const items = [
  { id: 'x', title: 'a', text: 'ab', category: ['b', 'c'], image: 'red.png' },
  { id: 'y', title: 'b', text: 'c', brand: 'a', image: 'blue.png' },
  { id: 'z', title: '', text: 'ab' },
];

describe('encodings', () => {
  let models = '';
  beforeEach(async () => {
    models = await directoryWith({
      ...under('org/text', textFolder),
      ...under('org/image', imageFolder),
      'single.onnx': nhwc,
      'open.onnx': colours('y', 1),
    });
    vi.stubEnv('FERRY_MODELS', models);
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
    vi.stubEnv('FERRY_CACHE', join(models, 'cache'));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(models, { recursive: true, force: true });
  });
  const domain = async (own: readonly { id: string }[] = items) =>
    domainOf(own, { 'red.png': await picture(255, 0, 0), 'blue.png': await picture(0, 0, 255) });
  const one = async (given: Record<string, unknown>, own?: Awaited<ReturnType<typeof domain>>) =>
    (await encodeItems(own ?? (await domain()), [encoding(given)]))[0]!;

  it('of texts take the output that is asked for', async () => {
    const of = async (output?: string) =>
      vectors(await one({ text: 'org/text', ...(output === undefined ? {} : { output }) }));
    // a is 1 0, b is 0 2, c is 3 3.
    expect(await of()).toEqual([
      [0.5, 1],
      [3, 3],
      [0.5, 1],
    ]);
    expect(await of('mean')).toEqual([
      [0.5, 1],
      [3, 3],
      [0.5, 1],
    ]);
    expect(await of('cls')).toEqual([
      [1, 0],
      [3, 3],
      [1, 0],
    ]);
    // Padding is in the mean that this model makes itself, so equal lengths are batched alone or padded with p.
    expect((await of('pooled'))[1]).not.toEqual([3, 3]);
    expect(await of('encoder.layer.0')).toEqual([
      [1, 2],
      [6, 6],
      [1, 2],
    ]);
    expect((await one({ text: 'org/text', normalise: true })).data[2]).toBeCloseTo(Math.SQRT1_2);
    expect(vectors(await one({ text: 'org/text', maxTokens: 1 }))).toEqual([
      [1, 0],
      [3, 3],
      [1, 0],
    ]);
    await expect(of('encoder.layer.9')).rejects.toThrow(
      /output must be own, pooled, cls, mean or a layer of the model, got "encoder\.layer\.9"; its outputs are last_hidden_state, pooler_output/,
    );
  });

  it('of texts are made of the fields that are asked for', async () => {
    const matrix = await one({ text: 'org/text', fields: ['title', 'category', 'brand'], join: '' });
    // "a" + "b, c", "b" + "a", and the text where there is no title; the comma and blank are unknown: p.
    expect(vectors(matrix)).toEqual([
      [(1 + 0 + 9 + 9 + 3) / 5, (0 + 2 + 9 + 9 + 3) / 5],
      [0.5, 1],
      [0.5, 1],
    ]);
    expect(await readRecord(matrix.source!)).toMatchObject({
      fields: ['title', 'category', 'brand'],
      join: '',
      model: { name: 'org/text', output: 'last_hidden_state', pooling: 'mean of tokens', normalised: false },
    });
    const marked = await domain();
    const file = join(marked.directory, 'items.jsonl');
    writeFileSync(file, `\uFEFF${readFileSync(file, 'utf8')}`);
    expect(vectors(await one({ text: 'org/text', fields: ['brand'] }, marked))[1]).toEqual([1, 0]);
    await expect(one({ text: 'org/text', fields: ['tite'] })).rejects.toThrow(
      /fields must be keys of items\.jsonl, got "tite"; there are title, text, id, category, image, brand/,
    );
  });

  it('of pictures are preprocessed as the model’s files say, or as asked for', async () => {
    expect(vectors(await one({ image: 'org/image' }))).toEqual([
      [1, -1, -1],
      [-1, -1, 1],
      [0, 0, 0],
    ]);
    expect(vectors(await one({ image: 'org/image', preprocessing: 'none', size: [4, 6] }))).toEqual([
      [1, 0, 0],
      [0, 0, 1],
      [0, 0, 0],
    ]);
    const own = vectors(await one({ image: join(models, 'single.onnx') }))[0]!;
    expect(own[0]).toBeCloseTo((3 * (1 - 0.485)) / 0.229, 3);
    expect(own[2]).toBeCloseTo((3 * (0 - 0.406)) / 0.225, 3);
    expect(vectors(await one({ image: join(models, 'single.onnx'), preprocessing: 'minmax' }))[1]).toEqual([
      0, 0, 3,
    ]);
    await expect(one({ image: join(models, 'open.onnx') })).rejects.toThrow(
      /the model leaves the size of pictures open \(\[B, 3, H, W\]\): say it, such as size: \[224, 224\]/,
    );
    expect(
      vectors(await one({ image: join(models, 'open.onnx'), size: [2, 2], preprocessing: 'none' }))[0],
    ).toEqual([1, 0, 0]);
  });

  it('stand side by side, are not made twice, and are listed with what has become of them', async () => {
    const own = await domain();
    const file = join(models, 'encodings.yml');
    writeFileSync(
      file,
      'encodings:\n  - { text: org/text }\n  - { text: org/text, output: cls }\n  - { image: pixels }\n',
    );
    const { encodings } = readEncodings(file);
    const said: string[] = [];
    const progress = (what: string, done: number, total: number) =>
      void said.push(`${what} ${done}/${total}`);
    const made = await encodeItems(own, encodings, { progress });
    expect(made.map(({ encoder, width }) => [encoder, width])).toEqual([
      ['text', 2],
      ['text-cls', 2],
      ['pixels', 288],
    ]);
    said.length = 0;
    const again = await encodeItems(own, encodings, { progress });
    expect(said.map((line) => line.replace(/^.*: /, ''))).toEqual(['text 3/3', 'text-cls 3/3', 'pixels 2/2']);
    expect(again.map(({ data }) => Array.from(data))).toEqual(made.map(({ data }) => Array.from(data)));
    expect((await loadFeatures(own, 'text', { encoder: 'text-cls' })).data).toEqual(made[1]!.data);
    const states = async () =>
      (await listEncodings(await readDomain(own.directory))).map(({ name, width, missing, state }) => [
        ...[name, width, missing, state.replace(/:.*/, '')],
      ]);
    expect(await states()).toEqual([
      ['pixels', 288, 1, 'up to date'],
      ['text-cls', 2, 0, 'up to date'],
      ['text', 2, 0, 'up to date'],
    ]);
    const lines = readFileSync(join(own.directory, 'items.jsonl'), 'utf8').replace(
      '"text":"c"',
      '"text":"a"',
    );
    writeFileSync(join(own.directory, 'items.jsonl'), lines);
    expect((await states())[1]).toEqual(['text-cls', 2, 0, 'out of date']);
    const changed = await encodeItems(await readDomain(own.directory), encodings);
    expect(vectors(changed[0]!)).toEqual([
      [0.5, 1],
      [1, 0],
      [0.5, 1],
    ]);
    expect((await states())[1]).toEqual(['text-cls', 2, 0, 'up to date']);
  });

  it('under a name of their own are made anew where model or settings are others', async () => {
    const own = await domain();
    const first = await one({ text: 'org/text', name: 'mine' }, own);
    const second = await one({ text: 'org/text', name: 'mine', output: 'cls' }, own);
    expect([first.encoder, second.encoder]).toEqual(['mine', 'mine']);
    expect(vectors(second)[0]).toEqual([1, 0]);
    const table = { ...letters, data: letters.data.map((value) => 10 * value) };
    const other = encodeOnnx({
      inputs: [ids],
      outputs: [{ name: 'last_hidden_state', type: 'float32', shape: ['B', 'L', 2] }],
      initializers: [table],
      nodes: [{ op: 'Gather', inputs: ['table', 'input_ids'], outputs: ['last_hidden_state'] }],
    });
    writeFileSync(join(models, 'org/text/onnx/model.onnx'), other);
    expect(vectors(await one({ text: 'org/text', name: 'mine' }, own))[1]).toEqual([30, 30]);
  });

  it('refuse what cannot be, before anything is encoded', async () => {
    const own = await domain();
    const refusal = (given: Record<string, unknown>[]) =>
      (async () => encodeItems(own, given.map(encoding)))().then(
        () => 'nothing',
        (error: unknown) => (error as Error).message,
      );
    expect(await refusal([{ text: 'use-lite', output: 'cls' }])).toMatch(/use-lite has no setting 'output'/);
    expect(await refusal([{ text: 'org/text', pooling: 'mean' }])).toMatch(/test has no key 'pooling'/);
    expect(await refusal([{ text: 'a', image: 'b' }])).toMatch(
      /must have an encoder, text or image, got both/,
    );
    expect(await refusal([{ image: 'org/image', size: [224] }])).toMatch(/test\.size/);
    expect(await refusal([{ text: 'org/text' }, { text: 'org/text' }])).toMatch(/a name of its own/);
    expect(await refusal([{ text: 'nothing' }])).toMatch(/must be an encoder of Ferry, organisation\/name/);
    expect(await refusal([{ image: 'ResNet50' }])).toMatch(
      /^ResNet50: the model is neither on disk .*Xenova\/resnet-50/,
    );
    expect(await refusal([{ text: './nowhere.onnx' }])).toMatch(/nowhere\.onnx: the model is missing/);
    expect(await refusal([{ image: 'pixels' }, { text: 'org/none' }])).toMatch(
      /org\/none: the model is neither on disk .* nor could it be fetched: http:\/\/127\.0\.0\.1:9 cannot be reached/,
    );
    expect(existsSync(join(own.directory, 'features'))).toBe(false);
  });

  describe('by a model of a hub', () => {
    let server: Server;
    const asked: string[] = [];
    const files: Record<string, string | Uint8Array> = { ...textFolder, 'README.md': 'not needed' };
    const sum = createHash('sha256').update(textModel).digest('hex');
    const listing = {
      sha: 'f'.repeat(40),
      siblings: Object.keys(files).map((rfilename) => ({
        rfilename,
        ...(rfilename.endsWith('.onnx') ? { lfs: { sha256: sum } } : {}),
      })),
    };
    beforeEach(async () => {
      server = createServer(({ url = '' }, response) => {
        asked.push(url);
        if (url.startsWith('/api/models/far/text/revision/main')) response.end(JSON.stringify(listing));
        else if (url.startsWith('/api/models/far/torch/'))
          response.end(JSON.stringify({ sha: '1', siblings: [] }));
        else {
          const name = url.replace(`/far/text/resolve/${listing.sha}/`, '');
          if (files[name] === undefined) response.writeHead(404).end();
          else response.end(files[name]);
        }
      });
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      vi.stubEnv('HF_ENDPOINT', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
    afterEach(() => {
      server.closeAllConnections();
      server.close();
    });

    it('fetch what it needs once, and record the version', async () => {
      const own = await domain();
      const matrix = await one({ text: 'far/text' }, own);
      expect(vectors(matrix)).toEqual([
        [0.5, 1],
        [3, 3],
        [0.5, 1],
      ]);
      expect(await readRecord(matrix.source!)).toMatchObject({
        model: { name: 'far/text', revision: listing.sha, weights: { file: 'model.onnx', sha256: sum } },
      });
      expect(asked.some((url) => url.includes('README'))).toBe(false);
      expect((await listEncodings(own))[0]!.model).toBe(
        'far/text@ffffffff, last_hidden_state, mean of tokens',
      );
      asked.length = 0;
      rmSync(join(own.directory, 'features'), { recursive: true });
      await one({ text: 'far/text' }, own);
      expect(asked).toEqual([]);
      await expect(one({ text: 'far/torch' })).rejects.toThrow(/has no ONNX export .*Xenova\/torch/);
      await expect(one({ text: 'far/text', revision: 'v2' })).rejects.toThrow(
        /answers 404 for far\/text at v2/,
      );
    });
  });

  it('feed a joint model the half that is not asked for', async () => {
    const joint = encodeOnnx({
      inputs: [ids, pixels],
      outputs: [
        { name: 'text_embeds', type: 'float32', shape: ['B', 2] },
        { name: 'image_embeds', type: 'float32', shape: ['B', 3] },
      ],
      initializers: [letters],
      nodes: [
        { op: 'Gather', inputs: ['table', 'input_ids'], outputs: ['rows'] },
        meanOver([1], 'rows', 'text_embeds'),
        meanOver([2, 3], 'pixel_values', 'image_embeds'),
      ],
    });
    const folder = await directoryWith({
      ...textFolder,
      ...imageFolder,
      'config.json': JSON.stringify({ model_type: 'clip' }),
      'onnx/model.onnx': joint,
    });
    const own = await domain();
    expect(vectors(await one({ text: folder, batchSize: 1 }, own)).slice(0, 2)).toEqual([
      [0.5, 1],
      [3, 3],
    ]);
    expect(vectors(await one({ image: folder }, own)).slice(0, 2)).toEqual([
      [1, -1, -1],
      [-1, -1, 1],
    ]);
  });
});
