/** Pictures as transformers' processors make them: values of tools/parity/pictures.py. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadPictureProcessor, pictureProcessor } from '@ferry/features';
import { decode } from '../src/pictures/decode.ts';
import type { Rgb } from '../src/pictures/resize.ts';
import { directoryWith, realData } from './helpers.ts';

interface Expected {
  computed: { config: Record<string, unknown>; shape: number[]; pixels: number[] }[];
  every: number;
  posters: { config: Record<string, unknown>; poster: number; bytes: number[] }[];
}
const expected = JSON.parse(
  readFileSync(join(import.meta.dirname, 'pictureProcessor.json'), 'utf8'),
) as Expected;

const [height, width] = [47, 61];
const computed: Rgb = {
  height,
  width,
  data: Uint8Array.from({ length: height * width * 3 }, (_, place) => {
    const [c, x, y] = [place % 3, Math.floor(place / 3) % width, Math.floor(place / (3 * width))];
    return ((x + y) % 3 ? x * 37 + y * 11 + c * 53 : x * x * 7 + y * 29 + c) % 256;
  }),
};
const posters = join(realData, 'ml100k-posters');

describe('a picture processor', () => {
  it.each(expected.computed)('makes what transformers makes: $config', ({ config, shape, pixels }) => {
    const processor = pictureProcessor(config, 'test');
    expect([3, processor.height, processor.width]).toEqual(shape);
    const made = processor.pixels(computed);
    expect(made.length).toBe(pixels.length);
    const worst = Math.max(
      ...pixels.map((value, at) => Math.abs(value - made[at]!) / Math.max(1, Math.abs(value))),
    );
    expect(worst).toBeLessThan(1e-5);
  });

  it.skipIf(!existsSync(posters))('does so with posters, within 1 of 255', async () => {
    for (const { config, poster, bytes } of expected.posters) {
      const made = pictureProcessor(config, 'test').bytes(await decode(join(posters, `${poster}.jpg`)));
      const some = made.filter((_, at) => at % expected.every === 0);
      expect(some.length).toBe(bytes.length);
      const worst = Math.max(...bytes.map((value, at) => Math.abs(value - some[at]!)));
      expect(worst, String(poster)).toBeLessThanOrEqual(1);
    }
  });

  it.each([
    [
      { image_processor_type: 'NougatImageProcessor' },
      /must be that of ViT, .*, got image_processor_type Nougat/,
    ],
    [{ resample: 6 }, /resample/],
    [{ do_thumbnail: true }, /no processor knows do_thumbnail/],
    [{ size: { height: 8 } }, /size/],
    [{ size: { shortest_edge: 8 } }, /do_center_crop must be true/],
    [{ do_resize: false }, /do_resize or do_center_crop must be true/],
  ])('refuses %j', (config, message) => {
    expect(() => pictureProcessor(config, 'here.json')).toThrow(message);
    expect(() => pictureProcessor(config, 'here.json')).toThrow('here.json: ');
  });

  it('is read from a folder', async () => {
    const folder = await directoryWith({ 'preprocessor_config.json': '{"size": {"height": 6, "width": 5}}' });
    const { height, width } = await loadPictureProcessor(folder);
    expect([height, width]).toEqual([6, 5]);
    await expect(
      loadPictureProcessor(await directoryWith({ 'preprocessor_config.json': '{' })),
    ).rejects.toThrow(/preprocessor_config.json: the file must be a JSON object/);
    await expect(loadPictureProcessor(await directoryWith())).rejects.toThrow(/there is no such file/);
  });
});
