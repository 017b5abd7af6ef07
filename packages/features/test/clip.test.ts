import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { buildImageFeatures, buildTextFeatures, clipModel } from '@ferry/features';
import { encodeOnnx } from '../src/onnx.ts';
import { abc, directoryWith, domainOf } from './helpers.ts';

/**
 * A model directory with the files of CLIP but towers a person can compute: the text tower averages a row of its table
 * per letter, the image tower averages each colour.
 */
async function tinyClip(): Promise<string> {
  const json = JSON.stringify;
  const mean = (axes: number[], from: string, to: string) => ({
    op: 'ReduceMean',
    inputs: [from],
    outputs: [to],
    attributes: { axes, keepdims: 0 },
  });
  return directoryWith({
    [`${clipModel}/config.json`]: json({ model_type: 'clip' }),
    [`${clipModel}/tokenizer_config.json`]: json({ tokenizer_class: 'CLIPTokenizer', pad_token: 'p' }),
    [`${clipModel}/tokenizer.json`]: json({
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: { type: 'BPE', vocab: { p: 0, a: 1, b: 2, c: 3 }, merges: [], unk_token: 'p' },
    }),
    [`${clipModel}/onnx/text_model.onnx`]: encodeOnnx({
      inputs: [{ name: 'input_ids', type: 'int64', shape: ['B', 'L'] }],
      outputs: [{ name: 'text_embeds', type: 'float32', shape: ['B', 2] }],
      initializers: [{ name: 'table', shape: [4, 2], data: Float32Array.of(9, 9, 1, 0, 0, 2, 3, 3) }],
      nodes: [
        { op: 'Gather', inputs: ['table', 'input_ids'], outputs: ['rows'] },
        mean([1], 'rows', 'text_embeds'),
      ],
    }),
    [`${clipModel}/preprocessor_config.json`]: json({
      image_processor_type: 'CLIPImageProcessor',
      do_resize: true,
      size: { shortest_edge: 8 },
      do_center_crop: true,
      crop_size: { height: 8, width: 8 },
      do_rescale: true,
      rescale_factor: 1 / 255,
      do_normalize: true,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
      resample: 3,
    }),
    [`${clipModel}/onnx/vision_model.onnx`]: encodeOnnx({
      inputs: [{ name: 'pixel_values', type: 'float32', shape: ['B', 3, 'H', 'W'] }],
      outputs: [{ name: 'image_embeds', type: 'float32', shape: ['B', 3] }],
      initializers: [],
      nodes: [mean([2, 3], 'pixel_values', 'image_embeds')],
    }),
  });
}

describe("encoder 'clip'", () => {
  it('runs the towers it finds on disk', async () => {
    const modelDirectory = await tinyClip();
    const red = sharp({ create: { width: 16, height: 16, channels: 3, background: { r: 255, g: 0, b: 0 } } });
    const domain = await domainOf(
      [
        { id: '1', text: 'ab', image: 'red.png' },
        { id: '2', text: 'cc' },
        { id: '3', text: 'b' },
      ],
      { 'red.png': await red.png().toBuffer() },
    );
    const text = await buildTextFeatures(domain, { encoder: 'clip', modelDirectory, batchSize: 1 });
    expect([...text.data]).toEqual([0.5, 1, 3, 3, 0, 2]);
    // The folder of the model itself will do as well.
    const image = await buildImageFeatures(domain, {
      encoder: 'clip',
      modelDirectory: join(modelDirectory, clipModel),
    });
    expect([...image.data.subarray(0, 3)]).toEqual([1, -1, -1]);
    expect([...image.present]).toEqual([1, 0, 0]);
  });

  it('says which files are missing and what to do', async () => {
    const domain = await domainOf(abc.map((item) => ({ ...item, text: item.id, image: 'items.jsonl' })));
    const modelDirectory = await directoryWith({ [`${clipModel}/config.json`]: '{}' });
    const text = buildTextFeatures(domain, { encoder: 'clip', modelDirectory, download: false });
    await expect(text).rejects.toThrow(
      /encoder 'clip' \(Xenova\/clip-vit-base-patch32\) needs tokenizer\.json, tokenizer_config\.json, onnx\/text_model\.onnx, got no such files \(downloading is off\)\. Put the files .*encoder 'use-lite'/,
    );
    const image = buildImageFeatures(domain, { encoder: 'clip', modelDirectory, download: false });
    await expect(image).rejects.toThrow(/needs preprocessor_config\.json, onnx\/vision_model\.onnx/);
  });
});
