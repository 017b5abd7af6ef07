/** BLIP read as a pair: the picture's tokens in the text's layers (tools/parity/encoders.py). */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile, RandomStream, selectBackend, tf } from '@ferry/engine';
import { flattenParameters, readSafetensors, writeSafetensors } from '@ferry/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createLora,
  encoderTower,
  type EncoderInputs,
  loadEncoder,
  saveEncoder,
  withLora,
} from '../src/index.ts';
import { close, fixture, readExpected, tokensOf } from './expected.ts';

const random = RandomStream.fromSeed(1);

describe.each(['ort', 'cpu'] as const)('on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend, { threads: 1, log: () => undefined });
  });

  it('scores a text and a picture as BlipForImageTextRetrieval does', async () => {
    const text = await loadEncoder(fixture('blip-retrieval'), { modality: 'text' });
    const image = await loadEncoder(fixture('blip-retrieval'), { modality: 'image' });
    const expected = await readExpected('blip-retrieval', 'matching');
    const { ids, mask, pixels } = expected.inputs(0)!;
    const run = compile((given: Required<Pick<EncoderInputs, 'ids' | 'mask' | 'pixels'>>) => {
      const { hidden: picture } = image.encode(image.parameters, { pixels: given.pixels });
      return text.encode(text.parameters, { ids: given.ids, mask: given.mask, picture }).matching!;
    });
    close(
      run({ ids: ids!, mask: mask!, pixels: pixels! }).dataSync(),
      expected.values('0.matching')!,
      1e-5,
      'scores',
    );
    run.dispose();
    text.dispose();
    image.dispose();
  });

  it('gives the same gradients by the picture, and of attention to it, when segments are computed again', async () => {
    const encoder = await loadEncoder(fixture('blip'), { modality: 'text' });
    const { picture, ...inputs } = (await readExpected('blip', 'text')).inputs(0)!;
    const looked = flattenParameters(encoder.parameters).get('layers.0.cross.attention.key.weight')!;
    const gradientsWith = (recompute: number): Float32Array[] => {
      const run = compile((given: tf.Tensor) => {
        const loss = (seen: tf.Tensor): tf.Scalar =>
          tf.sum(
            tf.square(
              encoder.vectors(encoder.parameters, { ...inputs, picture: seen }, undefined, { recompute }),
            ),
          );
        const { grads } = tf.variableGrads(() => loss(given), [looked]);
        return [tf.grad(loss)(given), grads[looked.name]!];
      });
      const made = run(picture!).map((gradient) => gradient.dataSync() as Float32Array);
      run.dispose();
      return made;
    };
    const [plain, again] = [gradientsWith(0), gradientsWith(1)];
    for (const [i, gradient] of plain.entries()) {
      expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(1e-3);
      close(again[i]!, gradient, 1e-5, String(i));
    }
    encoder.dispose();
  });
});

describe('a tower of BLIP', () => {
  it('reads texts alone: nothing that looks at pictures is trained', async () => {
    const encoder = await loadEncoder(fixture('blip'), { modality: 'text' });
    const tower = encoderTower(encoder, {}, random);
    expect(tower.width).toBe(4);
    expect(tower.trained.some((name) => name.includes('cross'))).toBe(false);
    const trained = new Set(tower.trained.map((name) => name.replace('weights.', '')));
    const inputs = (await readExpected('blip', 'text')).inputs(1)!;
    const own = [...flattenParameters(encoder.parameters)].filter(([name]) => trained.has(name));
    const { grads } = tf.variableGrads(
      () => tf.sum(encoder.vectors(encoder.parameters, inputs)),
      own.map(([, variable]) => variable),
    );
    expect(Object.keys(grads)).toHaveLength(own.length);
    encoder.dispose();
  });

  it('of pictures takes small matrices beside the one that makes queries, keys and values', async () => {
    const encoder = await loadEncoder(fixture('blip'), { modality: 'image' });
    const lora = createLora(encoder, { rank: 2 }, random);
    expect(lora.options.targets).toEqual(['layers.*.attention.joint.weight']);
    expect([...flattenParameters(lora.parameters)].map(([name, { shape }]) => [name, shape])).toEqual([
      ['layers.0.attention.joint.a', [2, 6]],
      ['layers.0.attention.joint.b', [18, 2]],
      ['layers.1.attention.joint.a', [2, 6]],
      ['layers.1.attention.joint.b', [18, 2]],
    ]);
    const b = flattenParameters(lora.parameters).get('layers.1.attention.joint.b')!;
    b.assign(tf.ones([18, 2]));
    const { pixels } = (await readExpected('blip', 'image')).inputs(0)!;
    const vectors = (p = encoder.parameters) => encoder.vectors(p, { pixels: pixels! }).dataSync();
    expect(vectors(withLora(encoder.parameters, lora))).not.toEqual(vectors());
    encoder.dispose();
  });
});

describe('a picture beside a text', () => {
  it('is refused by encoders that cannot look at it', async () => {
    const [bert, blip] = [await loadEncoder(fixture('bert')), await readExpected('blip', 'text')];
    expect(() => bert.vectors(bert.parameters, blip.inputs(0)!)).toThrow(
      'with cross-attention, got bert without',
    );
    bert.dispose();
  });

  it('is not read by a checkpoint without cross-attention, whose vectors are those of the text', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'ferry-blip-'));
    const { tensors } = await readSafetensors(join(fixture('blip'), 'model.safetensors'));
    for (const name of [...tensors.keys()]) if (name.includes('crossattention')) tensors.delete(name);
    await writeSafetensors(join(directory, 'model.safetensors'), tensors);
    await cp(join(fixture('blip'), 'config.json'), join(directory, 'config.json'));
    const encoder = await loadEncoder(directory, { modality: 'text' });
    const expected = await readExpected('blip', 'text');
    expect(() => encoder.vectors(encoder.parameters, expected.inputs(0)!)).toThrow('got blip without');
    const { hidden } = encoder.encode(encoder.parameters, expected.inputs(1)!);
    const inputs = expected.inputs(1)!;
    close(
      tokensOf(hidden.dataSync(), inputs),
      tokensOf(expected.values('1.hidden')!, inputs),
      1e-5,
      'hidden',
    );
    await rm(directory, { recursive: true });
    encoder.dispose();
  });
});

it('a saved tower keeps its projection, in folders of both forms', async () => {
  for (const folder of ['blip', 'blip-retrieval'])
    for (const modality of ['text', 'image'] as const) {
      const directory = await mkdtemp(join(tmpdir(), 'ferry-blip-'));
      const encoder = await loadEncoder(fixture(folder), { modality });
      await saveEncoder(directory, encoder);
      const config = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')) as object;
      const model = modality === 'text' ? 'Text' : 'Vision';
      expect(config).toMatchObject({ architectures: [`Blip${model}Model`], projection_dim: 4 });
      const again = await loadEncoder(directory);
      const inputs = (await readExpected(folder, modality)).inputs(0)!;
      expect(again.vectors(again.parameters, inputs).dataSync()).toEqual(
        encoder.vectors(encoder.parameters, inputs).dataSync(),
      );
      expect(again.width).toBe(folder === 'blip' ? 4 : 5);
      await rm(directory, { recursive: true });
      encoder.dispose();
      again.dispose();
    }
});

it("a tower's width is that of what it gives, with a projection or without", async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ferry-clip-'));
  const { tensors } = await readSafetensors(join(fixture('clip'), 'model.safetensors'));
  tensors.delete('text_projection.weight');
  await writeSafetensors(join(directory, 'model.safetensors'), tensors);
  const config = await readFile(join(fixture('clip'), 'config.json'), 'utf8');
  await writeFile(join(directory, 'config.json'), config);
  const encoder = await loadEncoder(directory, { modality: 'text' });
  const vectors = encoder.vectors(encoder.parameters, (await readExpected('clip', 'text')).inputs(0)!);
  expect([encoder.width, vectors.shape[1]]).toEqual([8, 8]);
  await rm(directory, { recursive: true });
  encoder.dispose();
});
