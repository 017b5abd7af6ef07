import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Domain } from '@ferry/data';
import { encodeNpy, loadFeatures, readFeatureFile, type FeatureMatrix } from '@ferry/features';
import { encodeNumbers } from '../src/elements.ts';
import { domainOf, floats, likeFeatures, noise, writeRawFeatures, type ToyItem } from './helpers.ts';

const items: readonly ToyItem[] = Array.from({ length: 60 }, (_, at) => ({ id: `i${at}` }));
const width = 48;
const values = likeFeatures(items.length, width);

/** Reads bytes as the text features of 60 items, with or without a record beside them. */
async function read(bytes: Uint8Array, record?: unknown, name = 'x.feat1CLS'): Promise<FeatureMatrix> {
  const domain = await domainOf(items, {
    [name]: bytes,
    ...(record === undefined ? {} : { [`${name}.json`]: JSON.stringify(record) }),
  });
  return readFeatureFile(join(domain.directory, name), domain, 'text');
}
const swapBytes = (bytes: Uint8Array): Uint8Array =>
  bytes.map((_, at) => bytes[at - (at % 4) + 3 - (at % 4)]!);
const doubles = new Uint8Array(Float64Array.from(values, (value) => value + 1e-9).buffer);
const unusual =
  "48 numbers a row, which follows from the file's size, is what no usual encoder makes: is the file cut off? " +
  'If not, state it in x.feat1CLS.json, {"width": 48}, or in the recipe';

describe('a headerless file of another type', () => {
  const cases: [string, Uint8Array][] = [
    ['float16', encodeNumbers(values, 'float16')],
    [
      'float16 of large numbers',
      encodeNumbers(
        noise(60 * width).map((value) => Math.sign(value) + 2 * value),
        'float16',
      ),
    ],
    [
      'bfloat16',
      new Uint8Array(Uint16Array.from(new Uint32Array(values.slice().buffer), (word) => word >>> 16).buffer),
    ],
    ['float64', doubles],
    ['float64 that was float32', new Uint8Array(Float64Array.from(values).buffer)],
    ['float64 of whole numbers', new Uint8Array(Float64Array.from(values, Math.round).buffer)],
    ['big-endian float32', swapBytes(encodeNumbers(values, 'float32'))],
    ['int32', new Uint8Array(Int32Array.from(values, (value) => value * 100).buffer)],
    ['int16', new Uint8Array(Int16Array.from(values, (value) => 1 + Math.abs(value) * 100).buffer)],
    ['bytes', new Uint8Array(values.map((value) => 100 + value * 40))],
  ];
  it.each(cases)('is refused: %s', async (_, bytes) => {
    await expect(read(bytes)).rejects.toThrow(
      /x\.feat1CLS: (a headerless file must hold|features must be finite)/,
    );
  });

  it('is read where the record states it', async () => {
    const half = await read(encodeNumbers(values, 'float16'), { dtype: 'float16', width });
    expect(Math.max(...half.data.map((value, at) => Math.abs(value - values[at]!)))).toBeLessThan(5e-4);
    expect((await read(doubles, { dtype: 'float64' })).data).toEqual(values.map((value) => value + 1e-9));
    await expect(read(doubles, { dtype: 'double' })).rejects.toThrow(
      /json: dtype must be one of float16, float32, float64, got "double"/,
    );
  });

  it('is not suspected among numbers that features may have', async () => {
    for (const usual of [
      values,
      values.map((value) => value * 1e-4),
      values.map((value) => Math.max(0, value)),
      values.map((value) => Math.round(Math.abs(value) * 3)),
      values.map((value) => Math.exp(6 * value)),
      // Kept in half precision once: the last places are zeros.
      Float32Array.from(new Float32Array(values).map((value) => Math.round(value * 512) / 512)),
      values.map((value) => value * 1e-3 + 1),
    ])
      expect((await read(encodeNumbers(usual, 'float32'))).data).toEqual(usual);
    // Strange numbers are taken at their word where the record says so.
    const tiny = values.map((value) => value * 1e-20);
    await expect(read(encodeNumbers(tiny, 'float32'))).rejects.toThrow(/100 % of the numbers/);
    expect((await read(encodeNumbers(tiny, 'float32'), { dtype: 'float32' })).data).toEqual(tiny);
  });
});

describe('a headerless file of another width', () => {
  it('is noticed by its columns, and where the record states the width', async () => {
    const cut = encodeNumbers(values.subarray(0, 60 * 40), 'float32');
    expect((await read(cut)).notes).toEqual([
      expect.stringMatching(
        /^rows look 48 wide, not 40 .*: is the file cut off\? If not, state it in x\.feat1CLS\.json, /,
      ),
    ]);
    for (const less of [16, 24, 32, 36, 42, 44, 46])
      expect((await read(encodeNumbers(values.subarray(0, 60 * less), 'float32'))).notes![0]).toMatch(
        new RegExp(`^rows look 48 wide, not ${less} `),
      );
    await expect(read(cut, { width })).rejects.toThrow(
      /must have one row for each of the 60 items, got 50 rows of 48/,
    );
    await expect(read(cut.subarray(0, -4), { width })).rejects.toThrow(
      /whole rows of 48 numbers, got 9596 bytes/,
    );
    await expect(read(cut, { width: 0 })).rejects.toThrow(/json: width must be a positive integer, got 0/);
    expect((await read(encodeNumbers(values, 'float32'))).notes).toEqual([unusual]);
    expect(await read(encodeNumbers(values, 'float32'), { width })).not.toHaveProperty('notes');
  });

  it('is noticed where it holds twice the rows, or rows and columns are swapped', async () => {
    expect((await read(encodeNumbers(likeFeatures(120, 48), 'float32'))).notes![0]).toMatch(
      /^rows look 48 wide, not 96/,
    );
    const swapped = values.map((_, at) => values[(at % 60) * width + Math.floor(at / 60)]!);
    expect((await read(encodeNumbers(swapped, 'float32'))).notes![0]).toMatch(
      /are rows and columns swapped\? If not/,
    );
    await expect(read(encodeNpy(swapped, [width, 60]), undefined, 'x.npy')).rejects.toThrow(
      /got \(48, 60\) for 60 items: are rows and columns swapped\?/,
    );
  });

  /** Rows of 64 numbers, as no two columns or all of them are alike, and what is then left to tell by. */
  const rows = 120;
  const plain = noise(rows * 64);
  const scaled = (row: (r: number) => number, column: (c: number) => number = () => 1): Float32Array =>
    plain.map((value, at) => value * row(Math.floor(at / 64)) * column(at % 64));
  const lengthOf = (r: number): number => Math.hypot(...plain.subarray(r * 64, (r + 1) * 64));
  const spread = (c: number): number => 1 + (c % 7 === 0 ? 3 : 0) + (c % 5);
  const signs: [string, Float32Array][] = [
    ['rows of one length', scaled((r) => 1 / lengthOf(r))],
    ['columns of different spread', scaled(() => 1, spread)],
    ['the same, rows of different length', scaled((r) => 1 + noise(rows, 9)[r]! / 2, spread)],
    ['rows of zeros', scaled((r) => (r % 9 === 4 ? 0 : 1))],
  ];
  it.each(signs)('is noticed by %s', async (_, features) => {
    const notesAt = async (width: number): Promise<string> => {
      const items = Array.from({ length: Math.floor(features.length / width) }, (__, at) => ({
        id: `i${at}`,
      }));
      const bytes = encodeNumbers(features.subarray(0, items.length * width), 'float32');
      const domain = await domainOf(items, { 'x.feat1CLS': bytes });
      return (
        (await readFeatureFile(join(domain.directory, 'x.feat1CLS'), domain, 'text')).notes?.join() ?? ''
      );
    };
    expect(await notesAt(64)).toBe('');
    for (const width of [32, 50, 60, 63, 100, 128])
      expect(await notesAt(width), String(width)).toMatch(
        new RegExp(`rows look 64 wide, not ${width}\\b|whole rows of 64 numbers, not of ${width}\\b`),
      );
  });

  it('is told from the width alone, where nothing else tells it', async () => {
    const of = async (count: number, width: number) =>
      readFeatureFile(...(await wide(noise(count * width), count)));
    const wide = async (data: Float32Array, count: number): Promise<[string, Domain, 'text']> => {
      const many = Array.from({ length: count }, (_, at) => ({ id: `i${at}` }));
      const domain = await domainOf(many, { 'x.feat1CLS': encodeNumbers(data, 'float32') });
      return [join(domain.directory, 'x.feat1CLS'), domain, 'text'];
    };
    for (const width of [64, 300, 384, 512, 768, 1024, 1536]) {
      const features = await of(20, width);
      expect(features.notes).toBeUndefined();
      expect(features.advice).toBe(
        `the width follows from the file's size: state it in x.feat1CLS.json, {"width": ${width}}, or in the ` +
          'recipe, to have it checked',
      );
    }
    // The first file a user had trouble with: 5 items, numbers that count up, 8 in a row where 10 were meant.
    const [file, domain] = await wide(
      Float32Array.from({ length: 40 }, (_, at) => at),
      5,
    );
    const cut = await readFeatureFile(file, domain, 'text');
    expect(cut.notes).toEqual([
      "8 numbers a row, which follows from the file's size, is what no usual encoder makes: is the file cut " +
        'off? If not, state it in x.feat1CLS.json, {"width": 8}, or in the recipe',
    ]);
    await expect(loadFeatures(domain, 'text', { width: 10 })).rejects.toThrow(
      /must have one row for each of the 5 items, got 4 rows of 10 numbers/,
    );
    expect((await loadFeatures(domain, 'text', { width: 8 })).notes).toBeUndefined();
  });

  it('says nothing of features that look like nothing else', async () => {
    const bits = noise(60 * 64).map(Math.sign);
    const counts = noise(60 * 64).map((value) => Math.max(0, Math.round(value * 3)));
    // Sparse: runs of 16 zeros that are no rows, and single zeros.
    const dead = noise(60 * 4, 5).map((value) => Number(value < -0.4));
    const sparse = noise(60 * 64).map((value, at) =>
      dead[at >> 4] || (Math.abs(value) < 0.05 && at % 16 > 0 && at % 16 < 15) ? 0 : value,
    );
    for (const usual of [noise(60 * 64), bits, counts, sparse]) {
      const items = Array.from({ length: 60 }, (_, at) => ({ id: `i${at}` }));
      const domain = await domainOf(items, { 'x.feat1CLS': encodeNumbers(usual, 'float32') });
      expect((await loadFeatures(domain, 'text')).notes).toBeUndefined();
    }
  });

  it('is refused in a file that Ferry wrote', async () => {
    const features = await read(encodeNumbers(values, 'float32'));
    const domain = await domainOf(items);
    const file = join(domain.directory, 'y.feat1CLS');
    await writeRawFeatures(file, features, domain);
    expect((await readFeatureFile(file, domain, 'text')).data).toEqual(values);
    await writeFile(file, encodeNumbers(values.subarray(0, 60 * 40), 'float32'));
    await expect(readFeatureFile(file, domain, 'text')).rejects.toThrow(/got 50 rows of 48/);
    await writeRawFeatures(file, features, domain);
    const other = await domainOf([items[1]!, items[0]!, ...items.slice(2)]);
    await expect(readFeatureFile(file, other, 'text')).rejects.toThrow(
      /of this domain's 60 items in this order/,
    );
  });
});

describe('rows', () => {
  it('that occur again are counted from a tenth on', async () => {
    const copies = (number: number) => {
      const data = values.slice();
      for (let row = 1; row <= number; row++) data.copyWithin(row * width, 0, width);
      return encodeNumbers(data, 'float32');
    };
    expect((await read(copies(20), { width })).notes).toEqual(['20 of 60 rows are equal to another']);
    expect((await read(copies(5), { width })).notes).toBeUndefined();
  });

  it('that are all zeros are told', async () => {
    expect((await read(new Uint8Array(60 * 64 * 4))).notes).toEqual([
      'all rows are zeros: no item has this modality',
    ]);
  });

  it('that are not finite are named', async () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const data = values.slice();
      data[5 * width + 3] = bad;
      await expect(read(encodeNumbers(data, 'float32'), { width })).rejects.toThrow(
        new RegExp(`must be finite, got ${bad} in row 5, column 3`),
      );
    }
    expect((await read(floats(...values.subarray(0, 60)), { width: 1 })).width).toBe(1);
  });
});
