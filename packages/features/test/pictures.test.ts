import { chmod, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Domain } from '@ferry/data';
import { badPictures, buildImageFeatures, listFeatures, requireInputs } from '@ferry/features';
import { decode } from '../src/pictures/decode.ts';
import { domainOf } from './helpers.ts';

/** A picture of noise in a format that sharp writes. */
async function picture(format: 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff', seed = 1): Promise<Uint8Array> {
  const data = Buffer.from(Array.from({ length: 40 * 30 * 3 }, (_, at) => (at * 37 * seed + at * at) % 256));
  const image = sharp(data, { raw: { width: 40, height: 30, channels: 3 } });
  return new Uint8Array(await image.toFormat(format).toBuffer());
}

/** A domain whose items' pictures are these files; undefined: named, but not there. */
async function withPictures(files: Record<string, Uint8Array | string | undefined>): Promise<Domain> {
  const there = Object.entries(files).filter(
    (entry): entry is [string, Uint8Array | string] => entry[1] !== undefined,
  );
  return domainOf(
    Object.keys(files).map((image, at) => ({ id: `i${at}`, image })),
    Object.fromEntries(there),
  );
}

describe('pictures', () => {
  it('of every usual format are read, whatever their ending', async () => {
    const domain = await withPictures({
      'a.jpg': await picture('jpeg'),
      'b.JPG': await picture('jpeg', 2),
      'c.png': await picture('webp', 3),
      'd.gif': await picture('gif', 4),
      'e.tiff': await picture('tiff', 5),
      'f.svg':
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="5" height="5" fill="red"/></svg>',
    });
    expect(await badPictures(domain)).toEqual([]);
    expect([...(await buildImageFeatures(domain)).present]).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('turned, of four inks, of 16 bits, moving or transparent, are what they show', async () => {
    // The left half is red, the right half blue.
    const raw = Buffer.from(
      Array.from({ length: 32 * 16 }, (_, at) => (at % 32 < 16 ? [255, 0, 0] : [0, 0, 255])).flat(),
    );
    const image = () => sharp(raw, { raw: { width: 32, height: 16, channels: 3 } });
    const plain = await image().png().toBuffer();
    // Stored on its side; EXIF says to turn it back.
    const turned = await sharp(await image().rotate(90).png().toBuffer())
      .withMetadata({ orientation: 8 })
      .png()
      .toBuffer();
    const frame = await image().toColourspace('srgb').gif().toBuffer();
    const moving = await sharp([frame, await image().flop().gif().toBuffer()], { join: { animated: true } })
      .gif()
      .toBuffer();
    const onNothing = await sharp({
      create: { width: 32, height: 16, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    const files = {
      'turned.png': turned,
      'sixteen.png': await image().toColourspace('rgb16').png().toBuffer(),
      'moving.gif': moving,
      'inks.jpg': await image().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer(),
      'nothing.png': onNothing,
    };
    expect((await sharp(files['inks.jpg']).metadata()).space).toBe('cmyk');
    expect((await sharp(files['sixteen.png']).metadata()).depth).toBe('ushort');
    expect((await sharp(moving).metadata()).pages).toBe(2);
    const domain = await withPictures({ 'plain.png': plain, ...files });
    const { data, width } = await buildImageFeatures(domain);
    const cosine = (a: number, b: number): number => {
      let [dot, aa, bb] = [0, 0, 0];
      for (let at = 0; at < width; at++) {
        const [x, y] = [data[a * width + at]!, data[b * width + at]!];
        [dot, aa, bb] = [dot + x * y, aa + x * x, bb + y * y];
      }
      return dot / Math.sqrt(aa * bb);
    };
    // 16 bits round the one mixed column otherwise: 127 where 8 bits give 128.
    for (const other of [1, 2, 3])
      expect(cosine(0, other), Object.keys(files)[other - 1]).toBeGreaterThan(0.99);
    // Inks make other colours of red and blue; they stay where they are.
    for (const name of ['plain.png', ...Object.keys(files)]) {
      const { data: points, width: across, height } = await decode(join(domain.directory, name));
      expect([across, height, points.length], name).toEqual([32, 16, 32 * 16 * 3]);
      const [left, right] = [points.slice(3 * 40, 3 * 40 + 3), points.slice(3 * 60, 3 * 60 + 3)];
      if (name === 'nothing.png') expect([...left, ...right]).toEqual([255, 255, 255, 255, 255, 255]);
      else {
        expect(left[0]!, name).toBeGreaterThan(left[2]! + 100);
        expect(right[2]!, name).toBeGreaterThan(right[0]! + 50);
      }
    }
  });

  it('that cannot be used are named with the reason, before anything is decoded', async () => {
    const domain = await withPictures({
      'img/a.jpg': await picture('jpeg'),
      'img/B.JPG': undefined,
      'img/empty.jpg': '',
      'img/page.jpg': '\n<!DOCTYPE html><html>404</html>',
      'img/lfs.jpg': 'version https://git-lfs.github.com/spec/v1\n',
      'img/noise.jpg': 'not an image',
      'img/cut.jpg': (await picture('jpeg')).subarray(0, 300),
      'img/cut.png': (await picture('png')).subarray(0, 300),
      'img/cut.webp': (await picture('webp')).subarray(0, 100),
      // What stands behind the end of a picture does no harm.
      'img/moving.jpg': Buffer.concat([await picture('jpeg'), Buffer.alloc(9000, 1)]),
      'lost/x.jpg': undefined,
      'img\\win.jpg': undefined,
      'https://example.org/x.jpg': undefined,
      'img/link.jpg': undefined,
      'img/dangling.jpg': undefined,
    });
    await symlink('a.jpg', join(domain.directory, 'img/link.jpg'));
    await symlink('nowhere', join(domain.directory, 'img/dangling.jpg'));
    await writeFile(join(domain.directory, 'img/b.jpg'), await picture('jpeg'));
    const reasons = new Map((await badPictures(domain)).map(({ image, reason }) => [image, reason]));
    expect(Object.fromEntries(reasons)).toEqual({
      'img/B.JPG': 'no such file, but there is b.jpg',
      'img/empty.jpg': 'an empty file',
      'img/page.jpg': 'a web page, not a picture',
      'img/lfs.jpg': 'a text, not a picture',
      'img/noise.jpg': 'not a picture of a known format',
      'img/cut.jpg': 'cut off: it has no end',
      'img/cut.png': 'cut off: it has no end',
      'img/cut.webp': expect.stringMatching(/^cut off: 100 of \d+ bytes$/) as unknown,
      'lost/x.jpg': 'no such file, nor a folder lost',
      'img\\win.jpg': "no such file (folders are separated by '/')",
      'https://example.org/x.jpg': 'an address that has not been fetched (ferry features pictures)',
      'img/dangling.jpg': 'no such file',
    });
    await expect(requireInputs(domain, 'image')).resolves.toBeUndefined();
  });

  it('must be there for an encoder: that is asked before it begins', async () => {
    const none = await withPictures({
      'img/0.jpg': undefined,
      'img/1.jpg': undefined,
      'img/2.jpg': undefined,
    });
    await expect(requireInputs(none, 'image')).rejects.toThrow(
      /got 3 named of which none can be read: img\/0\.jpg, img\/1\.jpg, img\/2\.jpg \(no such file, nor a folder img\)$/,
    );
    const plain = await domainOf([{ id: 'a', text: 'x' }, { id: 'b' }, { id: 'c' }]);
    await expect(requireInputs(plain, 'image')).rejects.toThrow(/got none named for the 3 items/);
    await expect(requireInputs(plain, 'text')).resolves.toBeUndefined();
    await expect(requireInputs(none, 'text')).rejects.toThrow(
      /must be texts to encode, got none for the 3 items/,
    );
  });
});

describe('damaged pictures', () => {
  const damaged = async (): Promise<Domain> => {
    const whole = await picture('jpeg');
    return withPictures({
      'a.jpg': whole,
      'cut.jpg': whole.subarray(0, whole.length / 2),
      'c.png': await picture('png', 3),
      'noise.png': 'not a picture',
      'cut too.jpg': whole.subarray(0, whole.length / 2),
      'lost.jpg': undefined,
    });
  };

  it('are listed all at once, after the others are encoded', async () => {
    const domain = await damaged();
    await expect(buildImageFeatures(domain)).rejects.toThrow(
      /got 3 of 5 that cannot: .*cut\.jpg.*; the others are encoded and kept$/,
    );
    await expect(buildImageFeatures(domain)).rejects.toThrow(/noise\.png/);
    await expect(buildImageFeatures(domain)).rejects.toThrow(/cut too\.jpg/);
    const done: number[] = [];
    await buildImageFeatures(domain, { damaged: 'missing', progress: (at) => done.push(at.done) });
    expect(done[0]).toBe(2);
  });

  it('count as missing if asked, and only then', async () => {
    const domain = await damaged();
    const features = await buildImageFeatures(domain, { damaged: 'missing' });
    expect([...features.present]).toEqual([1, 0, 1, 0, 0, 0]);
    expect(features.notes!.join('; ')).toMatch(
      /^1 of 6 pictures named cannot be read: lost\.jpg \(no such file\); damaged pictures that count as missing: 3 \(/,
    );
    // What was saved so is not taken by somebody who did not ask for it.
    await expect(buildImageFeatures(domain)).rejects.toThrow(/got 3 of 5 that cannot/);
    expect(await buildImageFeatures(domain, { damaged: 'missing' })).toEqual(features);
  });

  it('are an error where nothing else is left', async () => {
    const domain = await withPictures({ 'a.jpg': 'x', 'b.jpg': 'y', 'c.jpg': 'z' });
    await expect(buildImageFeatures(domain, { damaged: 'missing' })).rejects.toThrow(
      /got 3 of 3 that cannot/,
    );
  });
});

describe('listFeatures', () => {
  it('tells of pictures that changed, went or came', async () => {
    const domain = await withPictures({
      'a.png': await picture('png', 1),
      'b.png': await picture('png', 2),
      'c.png': await picture('png', 3),
    });
    const { source } = await buildImageFeatures(domain);
    const listed = async () => (await listFeatures(domain))[1]!;
    const warning = async (): Promise<string> => (await listed()).warnings.join();
    expect(await listed()).toEqual({ line: 'image features: pixels, 288 wide, all 3 items', warnings: [] });
    await writeFile(join(domain.directory, 'b.png'), await picture('png', 9));
    // As in a copied folder: the record is younger than the picture that changed.
    const later = new Date(Date.now() + 5000);
    await utimes(`${source!}.json`, later, later);
    expect(await warning()).toMatch(/out of date: the pictures of 1 of 3 items have changed since \("i1"\)$/);
    await chmod(join(domain.directory, 'b.png'), 0o644);
    const record = JSON.parse(await readFile(`${source!}.json`, 'utf8')) as Record<string, unknown>;
    await writeFile(`${source!}.json`, JSON.stringify({ ...record, identity: 'pixels@0' }));
    expect(await warning()).toMatch(/out of date: made by pixels@0, the encoder is now pixels@1$/);
  });
});
