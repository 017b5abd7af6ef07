/**
 * Folders as labs have them: every form of weights, models with heads, and what is wrong with a folder, said at once.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RandomStream, selectBackend, tf } from '@ferry/engine';
import { flattenParameters, readSafetensors, type SafetensorsTensor, writeSafetensors } from '@ferry/nn';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createEncoder, type Encoder, folderPooling, loadEncoder, saveEncoder } from '../src/index.ts';
import { close, fixture, readExpected } from './expected.ts';
import { families } from './families.ts';

let directory: string;

beforeAll(async () => {
  await selectBackend('cpu');
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ferry-encoder-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** The folder of the BERT fixture, its weights changed or in another file. */
async function bertFolder(
  change: (tensors: Map<string, SafetensorsTensor>) => void = () => undefined,
): Promise<void> {
  const { tensors } = await readSafetensors(join(fixture('bert'), 'model.safetensors'));
  change(tensors);
  await writeSafetensors(join(directory, 'model.safetensors'), tensors);
  await cp(join(fixture('bert'), 'config.json'), join(directory, 'config.json'));
}

async function changeConfig(change: object): Promise<void> {
  const path = join(directory, 'config.json');
  const config = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...config, ...change }));
}

async function expectFixturesOutput(encoder: Encoder): Promise<void> {
  const expected = await readExpected('bert');
  const inputs = expected.inputs(1)!;
  const { hidden } = encoder.encode(encoder.parameters, inputs);
  close(hidden.dataSync(), expected.values('1.hidden')!, 1e-5, 'hidden');
  encoder.dispose();
}

describe('loadEncoder reads', () => {
  it('a config.json that begins with a byte order mark, and writes it without', async () => {
    await bertFolder();
    const path = join(directory, 'config.json');
    await writeFile(path, `\uFEFF${await readFile(path, 'utf8')}`);
    const encoder = await loadEncoder(directory);
    await saveEncoder(join(directory, 'again'), encoder);
    expect((await readFile(join(directory, 'again', 'config.json'), 'utf8')).startsWith('{')).toBe(true);
    await expectFixturesOutput(encoder);
  });

  it('files of an index', async () => {
    await bertFolder();
    const { tensors } = await readSafetensors(join(directory, 'model.safetensors'));
    await rm(join(directory, 'model.safetensors'));
    const places: Record<string, string> = {};
    const parts = [new Map<string, SafetensorsTensor>(), new Map<string, SafetensorsTensor>()];
    [...tensors].forEach(([name, tensor], i) => {
      parts[i % 2]!.set(name, tensor);
      places[name] = `model-${i % 2}.safetensors`;
    });
    for (const [i, part] of parts.entries())
      await writeSafetensors(join(directory, `model-${i}.safetensors`), part);
    await writeFile(
      join(directory, 'model.safetensors.index.json'),
      JSON.stringify({ metadata: {}, weight_map: places }),
    );
    await expectFixturesOutput(await loadEncoder(directory));
  });

  it('pytorch_model.bin of a model with a head, which it passes over by name', async () => {
    await cp(join(fixture('bert'), 'config.json'), join(directory, 'config.json'));
    await cp(fixture('bert-with-head.bin'), join(directory, 'pytorch_model.bin'));
    const encoder = await loadEncoder(directory);
    expect(encoder.ignored).toEqual(['bert.embeddings.position_ids', 'cls.predictions.bias']);
    await expectFixturesOutput(encoder);
  });

  it("a .pth of the old form, under TensorFlow's names", async () => {
    await cp(join(fixture('bert'), 'config.json'), join(directory, 'config.json'));
    await cp(fixture('bert-legacy.pth'), join(directory, 'weights.pth'));
    await expectFixturesOutput(await loadEncoder(directory));
  });

  it("a ResNet under torchvision's names", async () => {
    const from = fixture('resnet-basic');
    const { tensors } = await readSafetensors(join(from, 'model.safetensors'));
    const theirs = (name: string): string =>
      name
        .replace('embedder.embedder.convolution', 'conv1')
        .replace('embedder.embedder.normalization', 'bn1')
        .replace(
          /^encoder\.stages\.(\d)\.layers\.(\d)\./,
          (_, stage: string, i: string) => `layer${Number(stage) + 1}.${i}.`,
        )
        .replace('shortcut.convolution', 'downsample.0')
        .replace('shortcut.normalization', 'downsample.1')
        .replace(
          /layer\.(\d)\.(convolution|normalization)/,
          (_, k: string, kind: string) => `${kind === 'convolution' ? 'conv' : 'bn'}${Number(k) + 1}`,
        );
    const renamed = new Map([...tensors].map(([name, tensor]) => [theirs(name), tensor]));
    expect([...renamed.keys()]).toContain('layer2.0.downsample.1.running_var');
    renamed.set('fc.weight', { dtype: 'F32', shape: [2, 8], data: new Float32Array(16) });
    await writeSafetensors(join(directory, 'model.safetensors'), renamed);
    await cp(join(from, 'config.json'), join(directory, 'config.json'));
    const encoder = await loadEncoder(directory);
    expect(encoder.ignored).toContain('fc.weight');
    const expected = await readExpected('resnet-basic');
    const vectors = encoder.vectors(encoder.parameters, expected.inputs(1)!);
    close(vectors.dataSync(), expected.values('1.pooled')!, 1e-5, 'pooled');
    encoder.dispose();
  });

  it('a checkpoint without the pooler', async () => {
    await bertFolder((tensors) => {
      tensors.delete('pooler.dense.weight');
      tensors.delete('pooler.dense.bias');
    });
    const encoder = await loadEncoder(directory);
    const ids = tf.tensor2d([[4, 5]], [1, 2], 'int32');
    expect(encoder.encode(encoder.parameters, { ids }).pooled).toBeUndefined();
    expect(() => encoder.encode(encoder.parameters, { ids: tf.zeros([1, 13], 'int32') })).toThrow(
      'texts must have at most 12 tokens, got 13',
    );
    expect(() => encoder.encode(encoder.parameters, {})).toThrow('a text encoder reads ids');
    encoder.dispose();
  });

  it('the pooling of sentence-transformers', async () => {
    await bertFolder();
    await mkdir(join(directory, '1_Pooling'));
    await writeFile(
      join(directory, 'modules.json'),
      JSON.stringify(
        ['Transformer', 'Pooling', 'Normalize'].map((name) => ({
          type: `sentence_transformers.models.${name}`,
        })),
      ),
    );
    const poolingFile = join(directory, '1_Pooling', 'config.json');
    await writeFile(
      poolingFile,
      JSON.stringify({ pooling_mode_cls_token: false, pooling_mode_mean_tokens: true }),
    );
    const encoder = await loadEncoder(directory);
    expect([encoder.pooling, encoder.normalise]).toEqual(['mean', true]);
    encoder.dispose();
    await writeFile(
      poolingFile,
      JSON.stringify({ pooling_mode_cls_token: true, pooling_mode_mean_tokens: true }),
    );
    await expect(loadEncoder(directory)).rejects.toThrow(
      /1_Pooling.config\.json: one pooling of .* is needed, got pooling_mode_cls_token and pooling_mode_mean_tokens/,
    );
    await writeFile(
      join(directory, 'modules.json'),
      JSON.stringify([{ type: 'sentence_transformers.models.Dense' }]),
    );
    await expect(loadEncoder(directory)).rejects.toThrow(/modules\.json: .* got Dense/);
  });
});

describe('how a folder makes vectors', () => {
  it.each(families)('is told of $name as it is read', async ({ name, folder = name, modality }) => {
    const encoder = await loadEncoder(fixture(folder), modality && { modality });
    expect(await folderPooling(fixture(folder), encoder.modality)).toEqual({
      pooling: encoder.pooling,
      normalise: encoder.normalise,
    });
    encoder.dispose();
  });

  it('is told by the name of a sentence encoder whose files are left out, or not at all', async () => {
    await bertFolder();
    expect(await folderPooling(directory, 'text')).toEqual({ pooling: 'cls', normalise: false });
    expect(await folderPooling(directory, 'text', 'Xenova/all-MiniLM-L6-v2')).toEqual({
      pooling: 'mean',
      normalise: true,
    });
    await writeFile(
      join(directory, 'modules.json'),
      '[{"type": "sentence_transformers.models.Transformer"}]',
    );
    expect(await folderPooling(directory, 'text', 'Xenova/all-MiniLM-L6-v2')).toEqual({
      pooling: 'mean',
      normalise: false,
    });
    await rm(join(directory, 'modules.json'));
    await changeConfig({ model_type: 'nomic_bert' });
    expect(await folderPooling(directory, 'text')).toBeUndefined();
  });
});

describe('loadEncoder refuses', () => {
  it('weights that do not fit, all in one error', async () => {
    await bertFolder((tensors) => {
      tensors.delete('encoder.layer.1.output.dense.bias');
      tensors.set('embeddings.LayerNorm.bias', { dtype: 'F32', shape: [7], data: new Float32Array(7) });
      tensors.set('encoder.layer.2.output.dense.bias', {
        dtype: 'F32',
        shape: [8],
        data: new Float32Array(8),
      });
    });
    const error: unknown = await loadEncoder(directory).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain(join(directory, 'model.safetensors'));
    expect(String(error)).toContain('"embeddings.LayerNorm.bias" has shape [7] instead of [8]');
    expect(String(error)).toContain('"encoder.layer.1.output.dense.bias" is missing');
    expect(String(error)).toContain('"encoder.layer.2.output.dense.bias" belongs to no weight');
  });

  it('weights that are no floats', async () => {
    await bertFolder((tensors) =>
      tensors.set('embeddings.LayerNorm.bias', { dtype: 'I32', shape: [8], data: new Int32Array(8) }),
    );
    await expect(loadEncoder(directory)).rejects.toThrow(
      '"embeddings.LayerNorm.bias" must be floats, got integers',
    );
  });

  it('an unknown family, and settings that would compute something else', async () => {
    await bertFolder();
    await changeConfig({ model_type: 'llama' });
    await expect(loadEncoder(directory)).rejects.toThrow(
      /config\.json: model_type must be one of bert, .*got "llama"/,
    );
    await changeConfig({ model_type: 'bert', position_embedding_type: 'relative_key' });
    await expect(loadEncoder(directory)).rejects.toThrow(/position_embedding_type/);
    await changeConfig({ position_embedding_type: 'absolute', hidden_act: 'mish', hidden_size: 0 });
    await expect(loadEncoder(directory)).rejects.toThrow(
      /hidden_size[^]*hidden_act|hidden_act[^]*hidden_size/,
    );
  });

  it('another modality, no weights, no config', async () => {
    await expect(loadEncoder(fixture('bert'), { modality: 'image' })).rejects.toThrow(
      'a bert encoder reads text, got modality image',
    );
    await expect(loadEncoder(directory)).rejects.toThrow(/config\.json must say what the encoder is/);
    await cp(join(fixture('bert'), 'config.json'), join(directory, 'config.json'));
    await expect(loadEncoder(directory)).rejects.toThrow(/must hold model\.safetensors.*got none of them/);
  });
});

describe('createEncoder', () => {
  it('draws first weights that depend on the seed alone', () => {
    const config = {
      model_type: 'bert',
      vocab_size: 20,
      hidden_size: 8,
      num_hidden_layers: 1,
      num_attention_heads: 2,
    };
    const made = [1, 1, 2].map((seed) => createEncoder(config, RandomStream.fromSeed(seed)));
    const words = made.map((encoder) => flattenParameters(encoder.parameters).get('words')!.dataSync());
    expect(words[0]).toEqual(words[1]);
    expect(words[0]).not.toEqual(words[2]);
    const deviation = Math.sqrt(Array.from(words[0]!).reduce((sum, x) => sum + x * x, 0) / words[0]!.length);
    expect(deviation).toBeCloseTo(0.02, 2);
    expect(made[0]!.trainable).not.toContain('pooler.weight');
    for (const encoder of made) encoder.dispose();
  });

  it('refuses settings that it does not know, but not what Python adds', () => {
    const random = RandomStream.fromSeed(1);
    const make = (config: object): void => {
      createEncoder({ model_type: 'distilbert', vocab_size: 20, dim: 8, n_heads: 2, ...config }, random, {
        modality: 'text',
      }).dispose();
    };
    expect(() => {
      make({ hidden_dim: 12, n_layers: 1, pad_token_id: 0, transformers_version: '5.0' });
    }).not.toThrow();
    expect(() => {
      make({ hidden_size: 8, initializer_range: 0.1 });
    }).toThrow(/distilbert may have vocab_size, dim, .*, got hidden_size, initializer_range/);
    const clip = { model_type: 'clip', projection_dim: 4, vision_config: {} };
    expect(() =>
      createEncoder({ ...clip, text_config: { hiden_size: 8 } }, random, { modality: 'text' }),
    ).toThrow(/got hiden_size/);
  });
});
