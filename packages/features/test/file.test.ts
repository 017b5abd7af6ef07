import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Domain } from '@ferry/data';
import { encodeNpy, featureSummary, loadFeatures, readFeatureFile } from '@ferry/features';
import { abc, bytesOf, domainOf, floats, writeRawFeatures, type ToyItem } from './helpers.ts';

/** A domain of items a, b, c with one more file; returns the domain and the file's path. */
async function withFile(
  name: string,
  content: Uint8Array,
  items: readonly ToyItem[] = abc,
): Promise<[string, Domain]> {
  const domain = await domainOf(items, { [name]: content });
  return [join(domain.directory, name), domain];
}

describe('readFeatureFile', () => {
  it('reads raw float32 and takes zero rows as missing', async () => {
    const [file, domain] = await withFile('x.feat3CLS', floats(1, 2, 0, 0, 0, 6));
    const features = await readFeatureFile(file, domain, 'image');
    expect(features).toEqual({
      modality: 'image',
      encoder: 'x.feat3CLS',
      count: 3,
      width: 2,
      data: Float32Array.of(1, 2, 0, 0, 0, 6),
      present: Uint8Array.of(1, 0, 1),
      source: file,
      notes: [
        "2 numbers a row, which follows from the file's size, is what no usual encoder makes: is the file cut " +
          'off? If not, state it in x.feat3CLS.json, {"width": 2}, or in the recipe',
      ],
    });
    expect(featureSummary(features)).toBe('image features: x.feat3CLS, 2 wide, 2 of 3 items (1 missing)');
    expect(await loadFeatures(domain, 'image')).toEqual(features);
  });

  it('writes raw files that read back equal', async () => {
    const [file, domain] = await withFile('x.feat1CLS', floats(1, 2, 0, 0, 5, 6));
    const features = await readFeatureFile(file, domain, 'text');
    const copy = join(domain.directory, 'copy.feat1CLS');
    await writeRawFeatures(copy, features, domain);
    const { notes, ...same } = features;
    expect(notes).toHaveLength(1);
    expect(await readFeatureFile(copy, domain, 'text')).toEqual({ ...same, source: copy });
    expect(new Uint8Array(await readFile(copy))).toEqual(floats(1, 2, 0, 0, 5, 6));
  });

  it('puts rows of a .npz with ids into the order of the item index', async () => {
    const [file, domain] = await withFile('x.npz', bytesOf('archive'), [...abc, { id: 'd' }]);
    const features = await readFeatureFile(file, domain, 'text');
    // The file has c = (1, 2), a = zeros, b = (5, 6), and no d.
    expect([...features.data]).toEqual([0, 0, 5, 6, 1, 2, 0, 0]);
    expect([...features.present]).toEqual([0, 1, 1, 0]);
  });

  it('takes ids and shared rows from the caller', async () => {
    const [file, domain] = await withFile('x.npy', encodeNpy(Float32Array.of(1, 2, 3), [3, 1]));
    const byId = await readFeatureFile(file, domain, 'text', { ids: ['b', 'c', 'a'] });
    expect([...byId.data]).toEqual([3, 1, 2]);
    const [raw, shared] = await withFile('x.raw', floats(1, 1, 2, 2, 3, 3, 4, 4), [
      { id: 'a', clipRow: 3 },
      { id: 'b' },
      { id: 'c', clipRow: 0 },
    ]);
    const byRow = await readFeatureFile(raw, shared, 'text', { byClipRow: true, width: 2 });
    expect([...byRow.data]).toEqual([4, 4, 0, 0, 1, 1]);
    expect([...byRow.present]).toEqual([1, 0, 1]);
  });

  it('names what is wrong', async () => {
    const [file, domain] = await withFile('x.feat1CLS', floats(1, 2, 3, 4, NaN, 6));
    const read = (options = {}) => readFeatureFile(file, domain, 'text', options);
    await expect(read()).rejects.toThrow(/x\.feat1CLS: .*got NaN in row 2, column 0/);
    await expect(read({ width: 3 })).rejects.toThrow(/got NaN in row 1, column 1/);
    await expect(read({ width: 4 })).rejects.toThrow(/whole rows of 4 numbers, got 24 bytes \(cut off\?\)/);

    const cases: [string, Uint8Array, object, RegExp][] = [
      ['x.raw', floats(1, 2, 3, 4), {}, /must hold 3 equal rows .*got 16 bytes/],
      ['x.raw', floats(1, 2, 3, 4), { width: 2 }, /one row for each of the 3 items, got 2 rows of 2 numbers/],
      ['x.raw', floats(1, 2, 3).subarray(0, 11), {}, /got 11 bytes/],
      ['x.raw', floats(), {}, /got 0 bytes/],
      ['x.npy', encodeNpy(floats3(), [3]), {}, /shape \(items, width\), got \(3\)/],
      ['x.npy', encodeNpy(floats3(), [3, 1]), { width: 2 }, /rows must be 2 wide, got 1/],
      ['x.npy', encodeNpy(floats3(), [3, 1]), { ids: ['a'] }, /one id for each of the 3 rows, got 1/],
      [
        'x.npy',
        encodeNpy(floats3(), [3, 1]),
        { ids: ['x', 'y', 'z'] },
        /items of the domain \(such as "a"\), got none of 3 \(such as "x"\)/,
      ],
      ['x.npy', encodeNpy(floats3(), [3, 1]), { ids: ['a', 'b', 'a'] }, /unique, got "a" for rows 0 and 2/],
      ['x.npy', encodeNpy(floats3(), [3, 1]), { byClipRow: true }, /only if items have one/],
      ['x.npy', bytesOf('texts'), {}, /must be numbers, got texts/],
      ['x.npz', bytesOf('archive'), { array: 'other' }, /a numeric array 'other', got features, ids/],
    ];
    for (const [name, content, options, message] of cases) {
      const [path, own] = await withFile(name, content);
      await expect(readFeatureFile(path, own, 'text', options)).rejects.toThrow(message);
    }
    await expect(readFeatureFile('/nowhere.npy', domain, 'text')).rejects.toThrow(/nowhere\.npy: .*ENOENT/);
  });
});

/** Three numbers. */
function floats3(): Float32Array {
  return Float32Array.of(1, 2, 3);
}

describe('loadFeatures', () => {
  it('says what it looked for', async () => {
    const none = await domainOf(abc);
    await expect(loadFeatures(none, 'text')).rejects.toThrow(
      /no text features of its own: no \*\.feat1CLS, text\.npy or text\.npz file$/,
    );
    await expect(loadFeatures(none, 'text', { encoder: 'use-lite' })).rejects.toThrow(
      /encoder 'use-lite' have not been made/,
    );
    const two = await domainOf(abc, { 'x.feat1CLS': floats(1, 2, 3), 'y.feat1CLS': floats(1, 2, 3) });
    await expect(loadFeatures(two, 'text')).rejects.toThrow(/must be named; got x\.feat1CLS, y\.feat1CLS/);
    expect((await loadFeatures(two, 'text', { file: join(two.directory, 'x.feat1CLS') })).width).toBe(1);
  });
});
