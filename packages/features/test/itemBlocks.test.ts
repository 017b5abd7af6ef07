import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  blocksOf,
  encodeNpy,
  loadFeatures,
  openFeatures,
  openItemBlocks,
  readFeatureFile,
  writeItemBlocks,
} from '@ferry/features';
import { decodeNumbers, encodeNumbers } from '../src/elements.ts';
import { encodeNpyHeader } from '../src/npy.ts';
import { directoryWith, domainOf, likeFeatures, npyOf } from './helpers.ts';

const count = 1000;
const width = 6;
const values = likeFeatures(count, width);
values.fill(0, 7 * width, 8 * width);

/** Rows cut into blocks. */
function* cut(data: Float32Array, rows: number): Generator<Float32Array> {
  for (let at = 0; at < data.length; at += rows * width) yield data.subarray(at, at + rows * width);
}

describe('ItemBlocks', () => {
  it.each(['float32', 'float16'] as const)('give what was written as %s, in any blocks', async (type) => {
    const file = join(await directoryWith(), 'text.npy');
    await writeItemBlocks(file, { count, width, type }, cut(values, 64));
    const blocks = await openItemBlocks(file);
    expect([blocks.count, blocks.width, blocks.type]).toEqual([count, width, type]);
    expect(blocks.present.reduce((sum, flag) => sum + flag, 0)).toBe(count - 1);
    expect(blocks.present[7]).toBe(0);
    const domain = await domainOf(Array.from({ length: count }, (_, at) => ({ id: `i${at}` })));
    const whole = await readFeatureFile(file, domain, 'text');
    for (const [from, to] of [
      [0, count],
      [0, 1],
      [999, 1000],
      [250, 700],
      [5, 5],
    ] as const)
      expect(blocks.rows(from, to)).toEqual(whole.data.subarray(from * width, to * width));
    const into = new Float32Array(20 * width);
    expect(blocks.rows(10, 20, into)).toEqual(whole.data.subarray(10 * width, 20 * width));
    expect(into.subarray(0, 10 * width)).toEqual(blocks.rows(10, 20));
    if (type === 'float32') expect(whole.data).toEqual(values);
    else {
      // Halves keep eleven bits, and steps of 2^-24 near zero.
      const errors = whole.data.map((value, at) => Math.abs(value - values[at]!));
      expect(errors.some((error) => error > 1e-5)).toBe(true);
      for (const [at, error] of errors.entries())
        expect(error).toBeLessThanOrEqual(Math.max(2 ** -11 * Math.abs(values[at]!), 2 ** -25));
      const held = blocksOf({ count, width, data: values, present: blocks.present }, 'float16');
      expect(held.rows(100, 300)).toEqual(blocks.rows(100, 300));
    }
    blocks.close();
  });

  it('use one buffer again, and the memory of a matrix as it is', async () => {
    const file = join(await directoryWith(), 'text.npy');
    await writeItemBlocks(file, { count, width }, cut(values, 1000));
    const blocks = await openItemBlocks(file);
    expect(blocks.rows(0, 10).buffer).toBe(blocks.rows(500, 510).buffer);
    blocks.close();
    const own = blocksOf({ count, width, data: values, present: blocks.present });
    expect(own.rows(3, 9).buffer).toBe(values.buffer);
    expect([...own.rows(3, 9)]).toEqual([...values.subarray(18, 54)]);
    expect(own.rows(3, 9, new Float32Array(36))).toEqual(values.subarray(18, 54));
  });

  it('are read beyond 4 GiB', async () => {
    // A file with a hole: 1.2 million rows of 1,024 floats, of which the last is written.
    const [rows, wide] = [1_200_000, 1024];
    const file = join(
      await directoryWith({ 'text.npy': encodeNpyHeader('float32', [rows, wide]) }),
      'text.npy',
    );
    const start = encodeNpyHeader('float32', [rows, wide]).length;
    await truncate(file, start + (rows - 1) * wide * 4);
    await writeFile(file, encodeNumbers(new Float32Array(wide).fill(7), 'float32'), { flag: 'a' });
    const blocks = await openItemBlocks(file, { present: new Uint8Array(rows).fill(1) });
    expect([...blocks.rows(rows - 2, rows)].slice(wide - 1, wide + 1)).toEqual([0, 7]);
    blocks.close();
  });

  it('refuse what they cannot read, and rows that are not there', async () => {
    const good = encodeNpy(values, [count, width]);
    const cases: [string, Uint8Array, RegExp][] = [
      ['x.npy', npyOf('<f4', [count, width], good.subarray(-count * width * 4), true), /in Fortran order/],
      ['x.npy', npyOf('>f4', [1, 1], new Uint8Array(4)), /little-endian float matrix in C order, got '>f4'/],
      ['x.npy', npyOf('<f4', [4], new Uint8Array(16)), /of shape \(4\)/],
      ['x.npy', good.subarray(0, -4), /1000 rows of 6 float32 numbers, got 23996 bytes \(cut off\?\)/],
      ['x.raw', good, /width of a headerless file must be stated/],
    ];
    for (const [name, bytes, message] of cases) {
      const file = join(await directoryWith({ [name]: bytes }), name);
      await expect(openItemBlocks(file)).rejects.toThrow(message);
    }
    const raw = await directoryWith({
      'x.raw': encodeNumbers(values, 'float16'),
      'x.raw.json': JSON.stringify({ width, dtype: 'float16' }),
    });
    const blocks = await openItemBlocks(join(raw, 'x.raw'));
    expect([blocks.count, blocks.type]).toEqual([count, 'float16']);
    for (const [from, to] of [
      [-1, 2],
      [5, 4],
      [0, count + 1],
      [0.5, 2],
    ] as const)
      expect(() => blocks.rows(from, to)).toThrow(/rows must be in 0\.\.1000/);
    expect(() => blocks.rows(0, 2, new Float32Array(11))).toThrow(/into must hold 12 numbers, got 11/);
    await truncate(join(raw, 'x.raw'), 10 * width * 2);
    expect(() => blocks.rows(0, 20)).toThrow(/must still hold 1000 rows/);
    blocks.close();
    const nan = values.slice();
    nan[600 * width + 2] = NaN;
    const bad = join(await directoryWith({ 'x.npy': encodeNpy(nan, [count, width]) }), 'x.npy');
    await expect(openItemBlocks(bad)).rejects.toThrow(/got NaN in row 600, column 2/);
    const two = await domainOf([{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
    const file = join(await directoryWith({ 'x.npy': good }), 'x.npy');
    await expect(openItemBlocks(file, { domain: two })).rejects.toThrow(/each of the 3 items, got 1000/);
    await writeItemBlocks(join(raw, 'y.npy'), { count: 3, width: 1, domain: two }, [
      Float32Array.of(1, 2, 3),
    ]);
    const other = await domainOf([{ id: 'b' }, { id: 'a' }, { id: 'c' }]);
    await expect(openItemBlocks(join(raw, 'y.npy'), { domain: other })).rejects.toThrow(/of other items/);
    await expect(
      writeItemBlocks(join(raw, 'z.npy'), { count: 4, width: 1 }, [Float32Array.of(1, 2, 3)]),
    ).rejects.toThrow(/must hold 4 rows of 1, got 3/);
  });
});

describe('openFeatures', () => {
  const ids = Array.from({ length: count }, (_, at) => ({ id: `i${at}` }));
  const npy = encodeNpy(values, [count, width]);
  const raw = encodeNumbers(values, 'float32');
  const record = JSON.stringify({ width, dtype: 'float32' });

  it("opens a domain's own files with the rows that loadFeatures reads", async () => {
    const domain = await domainOf(ids, { 'text.npy': npy, 'x.feat3CLS': raw, 'x.feat3CLS.json': record });
    const opened = await openFeatures(domain, { widths: { text: undefined, image: width }, least: 48_000 });
    expect(Object.keys(opened!)).toEqual(['text', 'image']);
    for (const modality of ['text', 'image'] as const) {
      const { data, present } = await loadFeatures(domain, modality);
      expect(opened![modality]!.rows(0, count)).toEqual(data);
      expect(opened![modality]!.present).toEqual(present);
      opened![modality]!.close();
    }
    expect(await openFeatures(domain, { widths: { text: undefined }, least: 48_000 })).toBeUndefined();
  });

  it('opens a headerless file without a record by its declared width', async () => {
    const domain = await domainOf(ids, { 'x.feat1CLS': raw });
    const opened = await openFeatures(domain, { widths: { text: width }, least: 0 });
    expect(opened!.text!.rows(0, count)).toEqual((await loadFeatures(domain, 'text', { width })).data);
    opened!.text!.close();
    expect(await openFeatures(domain, { widths: { text: width - 1 }, least: 0 })).toBeUndefined();
  });

  it('takes no archive for a matrix, whatever its size', async () => {
    const domain = await domainOf(ids, { 'text.npz': raw });
    expect(await openFeatures(domain, { widths: { text: width }, least: 0 })).toBeUndefined();
  });

  it.each<[string, Record<string, string | Uint8Array>]>([
    ['a headerless file without a record', { 'x.feat1CLS': raw }],
    ['no file', {}],
    ['two files', { 'text.npy': npy, 'x.text.npy': npy }],
    ['big-endian numbers', { 'text.npy': npyOf('>f4', [count, width], raw) }],
    ['a file that was cut off', { 'text.npy': npy.subarray(0, -4) }],
  ])('leaves %s to be read whole', async (_, files) => {
    const domain = await domainOf(ids, files);
    expect(await openFeatures(domain, { widths: { text: undefined }, least: 0 })).toBeUndefined();
  });
});

describe('half precision', () => {
  it('gives back every half, rounds to the nearest with halves to even, and saturates to infinity', () => {
    const bytes = new Uint8Array(Uint16Array.from({ length: 1 << 16 }, (_, bits) => bits).buffer);
    const all = new Float32Array(1 << 16);
    decodeNumbers(bytes, 'float16', all);
    const back = new Uint16Array(encodeNumbers(all, 'float16').buffer);
    for (let bits = 0; bits < 1 << 16; bits++)
      if (!Number.isNaN(all[bits])) expect(back[bits], `bits ${bits}`).toBe(bits);
    // Between 1 and the next half, 1 + 2^-10; numpy's float16 agrees on each.
    const cases: [number, number][] = [
      [1 + 2 ** -11, 1],
      [1 + 3 * 2 ** -11, 1 + 2 ** -9],
      [1 + 2 ** -11 + 2 ** -20, 1 + 2 ** -10],
      [65519, 65504],
      [65520, Infinity],
      [-1e6, -Infinity],
      [2 ** -25, 0],
      [1.5 * 2 ** -24, 2 ** -23],
      [3 * 2 ** -26, 2 ** -24],
      [2 ** -14 - 2 ** -26, 2 ** -14],
      [-0, -0],
      [NaN, NaN],
    ];
    const out = new Float32Array(cases.length);
    decodeNumbers(
      encodeNumbers(
        Float32Array.from(cases, ([value]) => value),
        'float16',
      ),
      'float16',
      out,
    );
    expect([...out]).toEqual(cases.map(([, expected]) => expected));
  });
});
