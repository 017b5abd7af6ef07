import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseNpy, runDucho, unpackNpz } from '@ferry/features';
import { encodeOnnx } from '../src/onnx.ts';
import { clearText } from '../src/ducho/inputs.ts';
import { preprocess } from '../src/pictures/scale.ts';
import { resize } from '../src/pictures/resize.ts';
import { parseNpyIds } from '../src/npy.ts';
import { duchoHandsOn as handsOn, duchoModels as models } from './duchoModels.ts';
import { directoryWith } from './helpers.ts';
import { colours, meanOver, picture, pixels } from './tinyModels.ts';

describe('a Ducho configuration', () => {
  const [before, models_] = [process.cwd(), process.env['FERRY_MODELS']];
  let root: string;
  const data = 'local/data/demo_office';
  const vector = (...path: string[]): { shape: number[]; data: number[] } => {
    const array = parseNpy(readFileSync(join(root, data, ...path)), 'x');
    if (array.kind !== 'numbers') throw new TypeError('numbers expected');
    return { shape: [...array.shape], data: [...array.data] };
  };
  beforeEach(async () => {
    root = await directoryWith({
      'config.yml': handsOn,
      // The order of the file is none of the pictures’, one text has no picture, one picture no text.
      [`${data}/meta.tsv`]: 'asin\tdescription\timUrl\nB.2\tbb\tu\nB1\t"a\nc"\tu\nB4\tc\tu\n',
      [`${data}/images/B1.png`]: await picture(255, 0, 0),
      [`${data}/images/B.2.png`]: await picture(0, 255, 0),
      [`${data}/images/B3.png`]: await picture(0, 0, 255),
      ...Object.fromEntries(Object.entries(models).map(([name, bytes]) => [`models/${name}`, bytes])),
    });
    process.env['FERRY_MODELS'] = join(root, 'models');
    process.chdir(root);
  });
  afterEach(() => {
    process.chdir(before);
    if (models_ === undefined) delete process.env['FERRY_MODELS'];
    else process.env['FERRY_MODELS'] = models_;
    rmSync(root, { recursive: true });
  });

  it('of the hands-on runs as it stands, in its layout, by id', async () => {
    const said: string[] = [];
    const results = await runDucho('config.yml', {
      line: (text) => said.push(text),
      pooling: () => Promise.resolve({ pooling: 'mean', normalise: true }),
    });
    expect(
      results.map(({ folder, count, width }) => [folder.slice(join(root, data).length + 1), count, width]),
    ).toEqual([
      ['visual_embeddings_32/torch/ResNet50/avgpool', 3, 3],
      ['textual_embeddings_32/sentence_transformers/sentence-transformers/all-mpnet-base-v2/1', 3, 2],
      ['visual_embeddings_32/transformers/openai/clip-vit-base-patch16/1', 3, 3],
      ['textual_embeddings_32/transformers/openai/clip-vit-base-patch16/1', 3, 2],
    ]);
    const red = [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (0 - 0.406) / 0.225].map((value) =>
      Math.fround(2 * value),
    );
    const network = vector('visual_embeddings_32/torch/ResNet50/avgpool/B1.npy');
    expect(network.shape).toEqual([1, 3]);
    for (const [at, value] of red.entries()) expect(network.data[at]).toBeCloseTo(value, 2);
    // Two b: their mean is 0 2, its direction 0 1; a text that is padded beside longer ones is as if alone.
    const sentences = 'textual_embeddings_32/sentence_transformers/sentence-transformers/all-mpnet-base-v2/1';
    expect(vector(sentences, 'B.2.npy').data).toEqual([0, 1]);
    const clip = 'visual_embeddings_32/transformers/openai/clip-vit-base-patch16/1';
    expect(vector(clip, 'B.2.npy').data).toEqual([0, 1, 0]);
    expect(
      vector('textual_embeddings_32/transformers/openai/clip-vit-base-patch16/1/B.2.npy').data[1],
    ).toBeGreaterThan(0.6);
    expect(said.join('\n')).toMatch(/GPU 0 is not used/);
    expect(said.join('\n')).toMatch(/joined by id: 1 pictures have no text, 1 texts no picture/);
    expect(said.join('\n')).toMatch(/1 ids hold a dot and are kept whole/);
  });

  it('gives Ferry’s matrix by id, and a manifest', async () => {
    const [{ folder }] = (await runDucho('config.yml')) as unknown as [{ folder: string }];
    const arrays = await unpackNpz(readFileSync(`${folder}.npz`), 'x');
    expect(parseNpyIds(arrays.get('ids')!, 'ids')).toEqual(['B.2', 'B1', 'B3']);
    const features = parseNpy(arrays.get('features')!, 'features');
    expect(features.kind === 'numbers' && [...features.data].slice(3, 6)).toEqual(
      vector('visual_embeddings_32/torch/ResNet50/avgpool/B1.npy').data,
    );
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    expect(manifest).toMatchObject({
      model: 'ResNet50',
      layer: 'avgpool',
      width: 3,
      count: 3,
      missing: [],
      preprocessing: { reshape: [224, 224], preprocessing: 'zscore' },
    });
    expect(Object.keys(manifest['files'] as object).sort()).toEqual(['B.2', 'B1', 'B3']);
  });

  it('makes only what is missing or has changed', async () => {
    await runDucho('config.yml');
    const kept = async (): Promise<number[]> => (await runDucho('config.yml')).map((one) => one.kept);
    expect(await kept()).toEqual([3, 3, 3, 3]);
    rmSync(join(data, 'visual_embeddings_32/torch/ResNet50/avgpool/B1.npy'));
    writeFileSync(join(data, 'images/B3.png'), await picture(9, 9, 9));
    expect(await kept()).toEqual([1, 3, 2, 3]);
    writeFileSync('models/torchvision/ResNet50.onnx', colours('avgpool', 3));
    expect(await kept()).toEqual([0, 3, 3, 3]);
  });

  it('counts pictures that cannot be decoded as missing, and those of one colour under minmax as zeros', async () => {
    writeFileSync(join(data, 'images/B5.png'), 'no picture');
    writeFileSync('config.yml', handsOn.slice(0, handsOn.indexOf('textual:\n')).replace('zscore', 'minmax'));
    const [{ count, notes }] = (await runDucho('config.yml')) as unknown as [
      { count: number; notes: string[] },
    ];
    expect(count).toBe(3);
    expect(notes.join()).toMatch(/1 pictures cannot be decoded and are missing: B5/);
    const { data: blank } = {
      data: preprocess(
        { data: new Uint8Array(12).fill(7), width: 2, height: 2 },
        { preprocessing: 'minmax', mean: [], std: [] },
      ),
    };
    expect([...blank]).toEqual(new Array(12).fill(0));
  });

  it('takes torchvision’s names for their exports, at a layer inside', async () => {
    const inside = encodeOnnx({
      inputs: [pixels],
      outputs: [{ name: 'logits', type: 'float32', shape: ['B', 3] }],
      initializers: [{ name: 'nine', shape: [], data: Float32Array.of(9) }],
      nodes: [
        { op: 'GlobalAveragePool', inputs: ['pixel_values'], outputs: ['/resnet/pooler/Pool_output_0'] },
        meanOver([2, 3], '/resnet/pooler/Pool_output_0', 'means'),
        { op: 'Mul', inputs: ['means', 'nine'], outputs: ['logits'] },
      ],
    });
    const folder = join(process.env['FERRY_MODELS']!, 'Xenova/resnet-18/onnx');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'model.onnx'), inside);
    writeFileSync('config.yml', handsOn.replace('ResNet50', 'ResNet18').replace(/textual:[^]*/, ''));
    const [result] = await runDucho('config.yml');
    expect(result!.notes.slice(0, 2)).toEqual([
      'ResNet18 stands for Xenova/resnet-18: the same network, with other weights than torchvision’s',
      'model.onnx: means is taken for avgpool',
    ]);
    expect(result!.folder).toMatch(/torch\/ResNet18\/avgpool$/);
    expect(result!.width).toBe(3);
  });

  it('says what is missing or unknown, before anything is written', async () => {
    const says = async (change: (text: string) => string): Promise<string> => {
      writeFileSync('config.yml', change(handsOn));
      return runDucho('config.yml').then(
        () => 'nothing',
        (error: unknown) => (error as Error).message,
      );
    };
    expect(await says((text) => text.replace('output_layers: avgpool', 'output_layer: avgpool'))).toMatch(
      /unknown key 'output_layer'.*did you mean 'output_layers'/,
    );
    expect(await says((text) => text.replace('ResNet50', 'VGG16'))).toMatch(
      /^VGG16: the model must be on disk, got none at .*export it to ONNX with an output "avgpool"/,
    );
    expect(await says((text) => text.replace('text_column: description', 'text_column: text'))).toMatch(
      /text_column must name a column, got "text"; there are "asin", "description", "imUrl"/,
    );
    expect(await says((text) => text.replace('input_path: images', 'input_path: pictures'))).toMatch(
      /a folder of pictures is needed/,
    );
    expect(await says((text) => text.replace('backend: torch', 'backend: jax'))).toMatch(
      /backend must be one of torch, tensorflow/,
    );
    expect(existsSync(join(data, 'visual_embeddings_32/torch/VGG16'))).toBe(false);
    expect(readdirSync(data)).toContain('meta.tsv');
  });
});

describe('resize', () => {
  // Pillow 9.4: Image.fromarray(a).resize(size, Image.BICUBIC).
  const [height, width] = [9, 13];
  const source = Uint8Array.from({ length: height * width * 3 }, (_, place) => {
    const [c, x, y] = [place % 3, Math.floor(place / 3) % width, Math.floor(place / (3 * width))];
    return ((x + y) % 3 ? x * 37 + y * 11 + c * 53 : x * x * 7 + y * 29 + c) % 256;
  });
  const resized = (toWidth: number, toHeight: number): number[] => [
    ...resize({ data: source, width, height }, toWidth, toHeight, 'bicubic').data,
  ];

  it('is Pillow’s, to the last bit', () => {
    expect(resized(5, 4)).toEqual([
      35, 72, 113, 131, 159, 147, 174, 134, 134, 92, 129, 171, 164, 185, 122, 73, 112, 149, 156, 166, 115,
      118, 67, 93, 107, 152, 176, 174, 162, 104, 116, 158, 189, 161, 136, 85, 115, 95, 133, 125, 168, 171,
      185, 90, 88, 152, 194, 194, 182, 155, 99, 84, 94, 145, 150, 185, 112, 118, 97, 83,
    ]);
    const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
    expect(sum(resized(20, 15))).toBe(117710);
    expect(resized(20, 15).slice(0, 6)).toEqual([0, 0, 0, 13, 35, 56]);
    expect(sum(resized(13, 6))).toBe(30617);
  });
});

describe('clearText', () => {
  it.each([
    ["It's 5 o'clock, isn't it?", "It 's five o'clock , is n't it ?"],
    ['room 101 (the 1st)', 'room 101 ( the 1st )'],
    ['Café – 3€', 'Caf three'],
  ])('%j', (text, expected) => {
    expect(clearText(text)).toBe(expected);
  });
});
