import { appendFile, chmod, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  featureStore,
  loadFeatures,
  readStoredFeatures,
  saveFeatures,
  type FeatureMatrix,
} from '@ferry/features';
import { readWhole, sha256 } from '../src/hash.ts';
import { openVectorCache } from '../src/vectorCache.ts';
import { abc, directoryWith, domainOf } from './helpers.ts';

const matrix: FeatureMatrix = {
  modality: 'text',
  encoder: 'toy',
  count: 3,
  width: 2,
  data: Float32Array.of(1, 2, 0, 0, 5, 6),
  present: Uint8Array.of(1, 0, 1),
  notes: ['made by hand'],
};

describe('stored features', () => {
  it('come back as they were saved, from the domain or a cache', async () => {
    const domain = await domainOf(abc);
    for (const cacheDirectory of [undefined, await directoryWith()]) {
      const store = await featureStore(domain, cacheDirectory);
      const saved = await saveFeatures(store, domain, matrix, { inputsHash: 'inputs' });
      expect(saved.source!.startsWith(cacheDirectory ?? join(domain.directory, 'features'))).toBe(true);
      expect(await loadFeatures(domain, 'text', { encoder: 'toy', cacheDirectory })).toEqual(saved);
      expect(
        await readStoredFeatures(store, domain, 'text', 'toy', { inputsHash: 'other inputs' }),
      ).toBeUndefined();
    }
  });

  it('are read and hashed piece by piece', async () => {
    const folder = await directoryWith({ seven: Uint8Array.of(1, 2, 3, 4, 5, 6, 7), none: '' });
    for (const piece of [1, 3, 7, 8])
      expect([...(await readWhole(join(folder, 'seven'), piece))]).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(await readWhole(join(folder, 'none'))).toHaveLength(0);
    await expect(readWhole(join(folder, 'absent'))).rejects.toThrow(/ENOENT/);
    expect(sha256('ab', Uint8Array.of(99))).toBe(sha256('abc'));
  });

  it('never go into a domain that was made read-only', async () => {
    const domain = await domainOf(abc);
    await chmod(domain.directory, 0o555);
    const cache = await directoryWith();
    const before = process.env['FERRY_CACHE'];
    process.env['FERRY_CACHE'] = cache;
    try {
      const store = await featureStore(domain);
      expect(store.features.startsWith(cache)).toBe(true);
      expect(store.vectors).toBe(join(cache, 'vectors'));
    } finally {
      if (before === undefined) delete process.env['FERRY_CACHE'];
      else process.env['FERRY_CACHE'] = before;
      await chmod(domain.directory, 0o755);
    }
  });

  it('leave nothing behind if they cannot be written', async () => {
    const domain = await domainOf(abc);
    const store = await featureStore(domain);
    // A folder in the way of the file: the rename fails.
    await mkdir(join(store.features, 'text-toy.npy', 'in the way'), { recursive: true });
    await expect(saveFeatures(store, domain, matrix, { inputsHash: 'inputs' })).rejects.toThrow(
      /text-toy\.npy: the file cannot be written/,
    );
    expect(await readdir(store.features)).toEqual(['text-toy.npy']);
  });

  it('are refused if cut off, changed, or of other items', async () => {
    const domain = await domainOf(abc);
    const store = await featureStore(domain);
    const { source } = await saveFeatures(store, domain, matrix, { inputsHash: 'inputs' });
    const other = await domainOf([{ id: 'b' }, { id: 'a' }, { id: 'c' }]);
    await expect(readStoredFeatures(store, other, 'text', 'toy')).rejects.toThrow(
      /must be of this domain's 3 items in this order/,
    );
    const bytes = await readFile(source!);
    await truncate(source!, bytes.length - 1);
    await expect(loadFeatures(domain, 'text', { encoder: 'toy' })).rejects.toThrow(
      /text-toy\.npy: .*match the hash in its record/,
    );
    await writeFile(`${source!}.json`, '{');
    await expect(loadFeatures(domain, 'text', { encoder: 'toy' })).rejects.toThrow(
      /text-toy\.npy\.json: the file must be a JSON object/,
    );
  });
});

describe('openVectorCache', () => {
  const key = (digit: string) => digit.repeat(64);

  it('keeps what was added, and drops a record that was cut off while being written', async () => {
    const file = join(await directoryWith(), 'deep', 'x.vectors');
    const cache = await openVectorCache(file);
    expect(cache.width()).toBeUndefined();
    await cache.add([
      [key('a'), Float32Array.of(1, 2)],
      [key('b'), Float32Array.of(3, 4)],
    ]);
    const whole = (await readFile(file)).length;
    await cache.add([[key('c'), Float32Array.of(5, 6)]]);
    await truncate(file, (await readFile(file)).length - 3);
    const again = await openVectorCache(file);
    expect([again.width(), again.get(key('a')), again.get(key('b')), again.get(key('c'))]).toEqual([
      2,
      Float32Array.of(1, 2),
      Float32Array.of(3, 4),
      undefined,
    ]);
    expect((await readFile(file)).length).toBe(whole);
    await again.add([[key('c'), Float32Array.of(7, 8)]]);
    expect((await openVectorCache(file)).get(key('c'))).toEqual(Float32Array.of(7, 8));
  });

  it('drops a damaged record and what follows it', async () => {
    const file = join(await directoryWith(), 'x.vectors');
    const cache = await openVectorCache(file);
    await cache.add([
      [key('a'), Float32Array.of(1)],
      [key('b'), Float32Array.of(2)],
      [key('c'), Float32Array.of(3)],
    ]);
    const bytes = await readFile(file);
    // Header 16, record 32 + 4 + 8: flip a bit of the second vector.
    bytes[16 + 44 + 32]! ^= 1;
    await writeFile(file, bytes);
    const again = await openVectorCache(file);
    expect([again.get(key('a')), again.get(key('b')), again.get(key('c'))]).toEqual([
      Float32Array.of(1),
      undefined,
      undefined,
    ]);
  });

  it('starts anew after a cut inside the header, and adds to what another process began', async () => {
    const file = join(await directoryWith({ 'x.vectors': 'FERR' }), 'x.vectors');
    const [one, two] = [await openVectorCache(file), await openVectorCache(file)];
    await one.add([[key('a'), Float32Array.of(1)]]);
    await two.add([[key('b'), Float32Array.of(2)]]);
    const both = await openVectorCache(file);
    expect([both.get(key('a')), both.get(key('b'))]).toEqual([Float32Array.of(1), Float32Array.of(2)]);
  });

  it('reads files of more than 2 GiB, and takes only a file that is not there for empty', async () => {
    const file = join(await directoryWith({ 'folder/x': '' }), 'x.vectors');
    const cache = await openVectorCache(file);
    await cache.add([[key('a'), Float32Array.of(1, 2)]]);
    const whole = (await readFile(file)).length;
    // A hole of zeros takes no room on disk; it is a damaged record.
    await truncate(file, 3 * 2 ** 30);
    const again = await openVectorCache(file);
    expect(again.get(key('a'))).toEqual(Float32Array.of(1, 2));
    expect((await readFile(file)).length).toBe(whole);
    await expect(openVectorCache(join(file, '../folder'))).rejects.toThrow(
      /folder: .*(EISDIR|cannot be read)/,
    );
  });

  it('keeps what it wrote behind a record that another process left unfinished', async () => {
    const file = join(await directoryWith(), 'x.vectors');
    const cache = await openVectorCache(file);
    await cache.add([[key('a'), Float32Array.of(1)]]);
    await appendFile(file, 'half a record');
    await cache.add([[key('b'), Float32Array.of(2)]]);
    expect([cache.get(key('a')), cache.get(key('b'))]).toEqual([Float32Array.of(1), Float32Array.of(2)]);
    cache.close();
  });

  it('refuses other files and other widths', async () => {
    const file = join(await directoryWith({ other: 'something quite different' }), 'other');
    await expect(openVectorCache(file)).rejects.toThrow(/must start with FERRYVEC/);
    const cache = await openVectorCache(`${file}.vectors`);
    await cache.add([[key('a'), Float32Array.of(1)]]);
    await expect(cache.add([[key('b'), Float32Array.of(1, 2)]])).rejects.toThrow(/must be 1 wide, got 2/);
    await appendFile(`${file}.vectors`, '');
    expect((await openVectorCache(`${file}.vectors`)).get(key('b'))).toBeUndefined();
  });
});
