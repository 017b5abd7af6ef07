import { readdir, readFile, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import {
  buildImageFeatures,
  buildTextFeatures,
  dropWords,
  describeFeatures,
  featureSummary,
  loadFeatures,
  pixelsWidth,
} from '@ferry/features';
import { directoryWith, domainOf, type ToyItem } from './helpers.ts';

const items: readonly ToyItem[] = [
  { id: 'a', text: 'Cordless drill' },
  { id: 'b', text: 'Greatest hits' },
  { id: 'c', text: ' ' },
  { id: 'd', text: 'Cordless drill' },
  { id: 'e', text: 'Office chair' },
];

/** A one-colour PNG. */
async function png(r: number, g: number, b: number): Promise<Uint8Array> {
  const image = sharp({ create: { width: 20, height: 10, channels: 3, background: { r, g, b } } });
  return new Uint8Array(await image.png().toBuffer());
}

describe('buildTextFeatures', () => {
  it('encodes distinct texts once, leaves blank ones out, and returns what is saved', async () => {
    const domain = await domainOf(items);
    const seen: [number, number][] = [];
    const features = await buildTextFeatures(domain, {
      batchSize: 2,
      progress: ({ done, total }) => seen.push([done, total]),
    });
    expect([...features.present]).toEqual([1, 1, 0, 1, 1]);
    expect([features.count, features.width, features.encoder]).toEqual([5, 512, 'use-lite']);
    expect(features.data.subarray(0, 512)).toEqual(features.data.subarray(3 * 512, 4 * 512));
    // Four items, three distinct texts: two batches of two and one.
    expect(seen).toHaveLength(3);
    expect([seen[0], seen[2]]).toEqual([
      [0, 4],
      [4, 4],
    ]);
    expect(featureSummary(features)).toBe('text features: use-lite, 512 wide, 4 of 5 items (1 missing)');
    expect(await loadFeatures(domain, 'text', { encoder: 'use-lite' })).toEqual(features);
    const again: number[] = [];
    expect(await buildTextFeatures(domain, { progress: ({ done }) => again.push(done) })).toEqual(features);
    expect(again).toEqual([4]);
  });

  it('encodes texts with words dropped beside the plain ones', async () => {
    const domain = await domainOf(items);
    const plain = await buildTextFeatures(domain);
    const dropped = await buildTextFeatures(domain, { dropWords: { share: 0.5, seed: 1 } });
    expect(dropped.encoder).toBe('use-lite-dropped');
    expect(dropped.notes).toEqual(['each word dropped with probability 0.5, seed 1']);
    expect(dropped.present).toEqual(plain.present);
    const texts = items.map(({ id, text }) => dropWords(text ?? '', id, { share: 0.5, seed: 1 }));
    const same = await buildTextFeatures(
      await domainOf(items.map((item, i) => ({ ...item, text: texts[i]! }))),
    );
    expect(dropped.data).toEqual(same.data);
    expect(dropped.data).not.toEqual(plain.data);
    // They do not take the place of the plain features.
    expect((await loadFeatures(domain, 'text', { encoder: 'use-lite' })).data).toEqual(plain.data);
  });

  it('goes on where it was stopped, with the same result', async () => {
    const whole = await buildTextFeatures(await domainOf(items), { batchSize: 1 });
    const domain = await domainOf(items);
    const stop = new AbortController();
    const stopped = buildTextFeatures(domain, {
      batchSize: 1,
      signal: stop.signal,
      progress: ({ done }) => {
        if (done > 0) stop.abort(new Error('stopped by the test'));
      },
    });
    await expect(stopped).rejects.toThrow('stopped by the test');
    const seen: number[] = [];
    const resumed = await buildTextFeatures(domain, {
      batchSize: 1,
      progress: ({ done }) => seen.push(done),
    });
    expect(seen[0]).toBeGreaterThan(0);
    expect(seen.at(-1)).toBe(4);
    expect(resumed.data).toEqual(whole.data);
    // What the first run took counts as well.
    const folder = join(domain.directory, 'features/vectors');
    const [file] = (await readdir(folder)).filter((name) => name.endsWith('.spent.json'));
    const [spent] = Object.values(JSON.parse(await readFile(join(folder, file!), 'utf8')) as object) as [
      { seconds: number; inputs: number },
    ];
    expect([spent.inputs, resumed.extraction!.inputs]).toEqual([3, 3]);
    expect(resumed.extraction!.seconds).toBeCloseTo(spent.seconds, 9);
  });

  it('makes new features when a text has changed, and takes the others from the cache', async () => {
    const cacheDirectory = await directoryWith();
    await buildTextFeatures(await domainOf(items), { cacheDirectory });
    const changed = items.map((item) => (item.id === 'e' ? { ...item, text: 'Standing desk' } : item));
    const seen: number[] = [];
    const features = await buildTextFeatures(await domainOf(changed), {
      cacheDirectory,
      progress: ({ done }) => seen.push(done),
    });
    expect(seen).toEqual([3, 4]);
    expect(features.extraction).toEqual({ inputs: 3, seconds: expect.any(Number) as number });
    expect(features.extraction!.seconds).toBeGreaterThan(0);
    expect([...features.present]).toEqual([1, 1, 0, 1, 1]);
  });

  it('says so if there is nothing to encode', async () => {
    const domain = await domainOf([{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
    await expect(buildTextFeatures(domain)).rejects.toThrow(
      /must be texts to encode, got none for the 3 items/,
    );
  });
});

describe('buildImageFeatures', () => {
  it('describes pictures, and knows which are missing', async () => {
    const domain = await domainOf(
      [
        { id: 'a', image: 'red.png' },
        { id: 'b', image: 'lost.png' },
        { id: 'c' },
        { id: 'd', image: 'red too.png' },
        { id: 'e', image: 'pictures/blue.png' },
      ],
      {
        'red.png': await png(255, 0, 0),
        'red too.png': await png(250, 5, 5),
        'pictures/blue.png': await png(0, 0, 255),
      },
    );
    const features = await buildImageFeatures(domain);
    expect([...features.present]).toEqual([1, 0, 0, 1, 1]);
    expect(describeFeatures(features)).toEqual([
      'image features: pixels, 288 wide, 3 of 5 items (2 missing)',
      '1 of 4 pictures named cannot be read: lost.png (no such file)',
    ]);
    const row = (index: number) => features.data.subarray(index * pixelsWidth, (index + 1) * pixelsWidth);
    const dot = (a: number, b: number) => row(a).reduce((sum, value, at) => sum + value * row(b)[at]!, 0);
    expect(dot(0, 3)).toBeGreaterThan(dot(0, 4) + 0.3);
    expect(await loadFeatures(domain, 'image', { encoder: 'pixels' })).toEqual(features);
    // Without the stored matrix, the vectors come from the cache.
    const { source } = features;
    await unlink(source!);
    await rm(`${source!}.json`);
    expect(await buildImageFeatures(domain)).toEqual(features);
    expect((await readFile(source!)).length).toBeGreaterThan(0);
  });

  it('names a file that is no picture', async () => {
    const domain = await domainOf([{ id: 'a', image: 'x.png' }, { id: 'b' }, { id: 'c' }], { 'x.png': 'no' });
    await expect(buildImageFeatures(domain)).rejects.toThrow(/got 1 of 1 that cannot: x\.png \(/);
  });
});

describe('dropWords', () => {
  const text = Array.from({ length: 4000 }, (_, i) => `w${i}`).join(' ');

  it('drops each word with the given probability, the same ones for the same item and seed', () => {
    const kept = dropWords(text, 'a', { share: 0.15, seed: 3 }).split(' ');
    // 3,400 are expected to stay, with a deviation of 22.6.
    expect(Math.abs(kept.length - 3400)).toBeLessThan(90);
    expect(kept).toEqual(dropWords(text, 'a', { share: 0.15, seed: 3 }).split(' '));
    expect(kept.map((word) => Number(word.slice(1)))).toEqual(
      kept.map((word) => Number(word.slice(1))).sort((a, b) => a - b),
    );
    expect(dropWords(text, 'b', { share: 0.15, seed: 3 })).not.toBe(kept.join(' '));
    expect(dropWords(text, 'a', { share: 0.15, seed: 4 })).not.toBe(kept.join(' '));
  });

  it('leaves at least one word, and nothing where there is none', () => {
    for (let seed = 0; seed < 20; seed++)
      expect(dropWords('one  two', 'a', { share: 0.99, seed })).toMatch(/one|two/);
    expect(dropWords('', 'a', { share: 0.5, seed: 1 })).toBe('');
    expect(dropWords('as  it is', 'a', { share: 0, seed: 1 })).toBe('as it is');
  });
});
