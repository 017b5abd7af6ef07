/** Pictures as a training step sees them: what was drawn, beside the same computed point by point. */
import { randomKey, randomSource, RandomStream, selectBackend, tf } from '@ferry/engine';
import { describe, expect, it } from 'vitest';
import { augmented } from '../src/augment.ts';
import { createEncoder, encoderTower } from '../src/index.ts';
import { close } from './expected.ts';

const [B, C, height, width] = [6, 3, 10, 14];
const data = Float32Array.from({ length: B * C * height * width }, (_, i) => (i * 7919) % 251);
const at = (b: number, c: number, y: number, x: number): number =>
  data[((b * C + c) * height + y) * width + x]!;

/** A source of one step, the same each time. */
const source = (step = 3) => randomSource(randomKey(RandomStream.fromSeed(2), step));

/** A part of a picture, enlarged: the numbers of {@link augmented} are drawn in its order. */
function drawn(crop: number, flip: boolean): number[] {
  const numbers = source().uniform([5, B]).arraySync() as number[][];
  const out: number[] = [];
  for (let b = 0; b < B; b++) {
    const [area, ratio, top, left, mirror] = numbers.map((row) => row[b]!) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const share = crop + area * (1 - crop);
    const stretch = (4 / 3) ** (ratio - 0.5);
    const side = (factor: number): number => (crop === 1 ? 1 : Math.min(1, Math.sqrt(share) * factor));
    const [h, w] = [side(1 / stretch), side(stretch)];
    const place = (i: number, part: number, begin: number, length: number): number =>
      Math.min(length - 1, Math.max(0, begin * (1 - part) * length + (i + 0.5) * part - 0.5));
    for (let c = 0; c < C; c++)
      for (let i = 0; i < height; i++)
        for (let j = 0; j < width; j++) {
          const y = place(i, h, top, height);
          const x = place(flip && mirror < 0.5 ? width - 1 - j : j, w, left, width);
          const [y0, x0] = [Math.floor(y), Math.floor(x)];
          const [y1, x1] = [Math.min(height - 1, y0 + 1), Math.min(width - 1, x0 + 1)];
          const upper = at(b, c, y0, x0) * (1 - x + x0) + at(b, c, y0, x1) * (x - x0);
          const lower = at(b, c, y1, x0) * (1 - x + x0) + at(b, c, y1, x1) * (x - x0);
          out.push(upper * (1 - y + y0) + lower * (y - y0));
        }
  }
  return out;
}

describe.each(['ort', 'cpu'] as const)('pictures of a training step on %s', (backend) => {
  it.each([
    { crop: 1, flip: true },
    { crop: 0.3, flip: false },
    { crop: 0.5, flip: true },
  ])('are parts and mirror images: $crop, $flip', async ({ crop, flip }) => {
    await selectBackend(backend, { threads: 1, log: () => undefined });
    const pixels = tf.tensor4d(data, [B, C, height, width]);
    const made = augmented(pixels, { crop, flip }, source()).dataSync();
    close(made, Float32Array.from(drawn(crop, flip)), 1e-5, 'pixels');
    expect(augmented(pixels, { crop, flip }, source()).dataSync()).toEqual(made);
    expect(augmented(pixels, { crop, flip }, source(4)).dataSync()).not.toEqual(made);
  });
});

describe('a tower of pictures', () => {
  const config = {
    model_type: 'vit',
    hidden_size: 8,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 8,
    patch_size: 4,
    image_size: 8,
  };
  const random = RandomStream.fromSeed(1);
  const bytes = Uint8Array.from({ length: 3 * 3 * 64 }, (_, i) => (i * 37) % 256);
  const scale = { gain: [0.01, 0.02, 0.03], shift: [-1, 0, 1] };

  it('reads bytes by their scale, and changes pictures in training alone', async () => {
    await selectBackend('ort', { threads: 1, log: () => undefined });
    const encoder = createEncoder(config, random, { pooling: 'mean' });
    const tower = encoderTower(encoder, { pixels: scale, augment: { flip: true, crop: 0.5 } }, random);
    const pixels = tf.tensor4d(Float32Array.from(bytes), [3, 3, 8, 8]);
    const scaled = tf.tensor4d(
      Float32Array.from(bytes, (value, i) => {
        const c = Math.floor(i / 64) % 3;
        return value * scale.gain[c]! + scale.shift[c]!;
      }),
      [3, 3, 8, 8],
    );
    const plain = tower.vectors(tower.parameters, { pixels }).dataSync();
    close(plain, encoder.vectors(encoder.parameters, { pixels: scaled }).dataSync(), 1e-5, 'vectors');
    expect(tower.vectors(tower.parameters, { pixels }, source()).dataSync()).not.toEqual(plain);
    // Where all is frozen, vectors are computed once, from the same bytes.
    const idle = encoderTower(encoder, { tuning: 'none', pixels: scale }, random);
    const { vectors } = await idle.content({ pixels: { shape: [3, 3, 8, 8], data: bytes } });
    close((vectors as { data: Float32Array }).data, plain, 1e-5, 'kept');
    expect(() => encoderTower(encoder, { tuning: { layers: 1 }, augment: { flip: true } }, random)).toThrow(
      /augment needs layers that are trained from the first/,
    );
    encoder.dispose();
  });
});
