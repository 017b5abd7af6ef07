import { join } from 'node:path';
import { zipSync, type Zippable } from 'fflate';
import { describe, expect, it } from 'vitest';
import {
  encodeNpy,
  describeFeatures,
  parseNpy,
  readFeatureFile,
  unpackNpz,
  type FeatureMatrix,
} from '@ferry/features';
import { parseNpyIds } from '../src/npy.ts';
import { abc, bytesOf, domainOf, npyOf, type ToyItem } from './helpers.ts';

const rows = encodeNpy(Float32Array.of(1, 10, 2, 20, 3, 30), [3, 2]);
const bigints = (...ids: bigint[]): Uint8Array => new Uint8Array(BigInt64Array.from(ids).buffer);
const wide = (...texts: string[]): Uint8Array =>
  new Uint8Array(Uint32Array.from(texts.join(''), (symbol) => symbol.codePointAt(0)!).buffer);

async function read(entries: Zippable, items: readonly ToyItem[] = abc): Promise<FeatureMatrix> {
  const domain = await domainOf(items, { 'x.npz': zipSync(entries) });
  return readFeatureFile(join(domain.directory, 'x.npz'), domain, 'text');
}

describe('ids of a .npz', () => {
  const numbered = ['12', '9007199254740993', '7'].map((id) => ({ id }));

  it.each([
    ['int64, to the last digit', npyOf('<i8', [3], bigints(7n, 12n, 9007199254740993n))],
    ['big-endian int64', npyOf('>i8', [3], bigints(7n, 12n, 9007199254740993n).reverse())],
    ['uint64', npyOf('<u8', [3], bigints(7n, 12n, 9007199254740993n))],
    [
      'strings',
      npyOf('<U16', [3], wide(...['7', '12', '9007199254740993'].map((id) => id.padEnd(16, '\0')))),
    ],
  ])('put rows into the order of the items: %s', async (name, ids) => {
    const features = await read({ 'features.npy': rows, 'ids.npy': ids }, numbered);
    const first = name.startsWith('big') ? [2, 20, 1, 10, 3, 30] : [2, 20, 3, 30, 1, 10];
    expect([...features.data]).toEqual(first);
  });

  it('of small integers, and under other usual names', async () => {
    const items = ['3', '1', '2'].map((id) => ({ id }));
    for (const name of ['ids', 'item_ids', 'item_id', 'id']) {
      const ids = npyOf('<i4', [3], new Uint8Array(Int32Array.of(1, 2, 3).buffer));
      const features = await read({ 'f.npy': rows, [`${name}.npy`]: ids }, items);
      expect([...features.data]).toEqual([3, 30, 1, 10, 2, 20]);
    }
  });

  it('of a larger catalogue: rows of other items are left out, and counted', async () => {
    const features = await read({ 'f.npy': rows, 'ids.npy': npyOf('|S1', [3], Buffer.from('zca')) });
    expect([...features.data]).toEqual([3, 30, 0, 0, 2, 20]);
    expect([...features.present]).toEqual([1, 0, 1]);
    expect(describeFeatures(features)[1]).toMatch(/^1 of 3 rows are of items that .* has not$/);
  });

  it('are never left unread without a word', async () => {
    const named = await read({ 'f.npy': rows, 'asin.npy': npyOf('|S1', [3], Buffer.from('cba')) });
    expect(named.notes).toEqual([
      'rows go by position: ids are read from ids, item_ids, item_id, id, not from asin',
    ]);
    const cases: [Uint8Array, RegExp][] = [
      [
        npyOf('<f8', [3], new Uint8Array(24)),
        /ids\.npy: ids must be one axis of strings or integers, got '<f8'/,
      ],
      [npyOf('|O', [3], new Uint8Array(3)), /ids must be one axis of strings or integers, got '\|O'/],
      [npyOf('|S1', [3, 1], Buffer.from('abc')), /got '\|S1' of shape \(3, 1\)/],
      [npyOf('|S1', [2], Buffer.from('ab')), /one id for each of the 3 rows, got 2/],
      [npyOf('|S1', [3], Uint8Array.of(97, 0xe9, 98)), /must be UTF-8, got other bytes in element 1/],
      [
        npyOf('<U1', [3], new Uint8Array(Uint32Array.of(97, 0x110000, 98).buffer)),
        /Unicode characters.*element 1/,
      ],
    ];
    for (const [ids, message] of cases)
      await expect(read({ 'f.npy': rows, 'ids.npy': ids })).rejects.toThrow(message);
  });
});

describe('unpackNpz', () => {
  it('does not mind an array that nobody needs', async () => {
    for (const other of [
      bytesOf('objects'),
      Buffer.from('no array at all'),
      npyOf('<c8', [1], new Uint8Array(8)),
    ]) {
      const features = await read({ 'f.npy': rows, 'other.npy': new Uint8Array(other) });
      expect([...features.data]).toEqual([1, 10, 2, 20, 3, 30]);
    }
  });

  /** An archive whose directory states other sizes, unpacked, than it has. */
  const stating = (archive: Uint8Array, size: number): Uint8Array => {
    const bytes = archive.slice();
    new DataView(bytes.buffer).setUint32(Buffer.from(bytes).lastIndexOf('PK\x01\x02') + 24, size, true);
    return bytes;
  };
  const zeros = zipSync({ 'f.npy': npyOf('<f4', [1000, 1000], new Uint8Array(4_000_000)) });

  it('refuses to unpack more than it may', async () => {
    expect(zeros.length).toBeLessThan(10_000);
    await expect(unpackNpz(zeros, 'x.npz', { maxBytes: 1e6 })).rejects.toThrow(
      /x\.npz: the archive must unpack to at most 1000000 bytes, got 40000\d\d with f\.npy/,
    );
    expect((await unpackNpz(zeros, 'x.npz', { maxBytes: 1e6, take: () => false })).size).toBe(0);
    // Larger than deflate could have packed.
    await expect(unpackNpz(stating(zeros, 0x7fffffff), 'x.npz')).rejects.toThrow(
      /as large as its \d+ packed bytes can be, got 2147483647/,
    );
    await expect(unpackNpz(zeros.subarray(0, -30), 'x.npz')).rejects.toThrow(/must be a whole zip archive/);
  });

  it('looks at all sizes before it unpacks any array', async () => {
    const two = zipSync({ 'a.npy': Buffer.from('damaged below'), 'f.npy': new Uint8Array(1e6) });
    two[Buffer.from(two).indexOf('a.npy') + 'a.npy'.length]! ^= 0xff;
    await expect(unpackNpz(two, 'x.npz', { maxBytes: 5e5 })).rejects.toThrow(/at most 500000 bytes/);
    await expect(unpackNpz(two, 'x.npz')).rejects.toThrow(/must be a whole zip archive/);
  });

  it('stops where an array unpacks to more than is stated, and refuses one with less or other bytes', async () => {
    await expect(unpackNpz(stating(zeros, 1000), 'x.npz')).rejects.toThrow(/too many bytes/);
    await expect(unpackNpz(stating(zeros, 4_000_200), 'x.npz')).rejects.toThrow(/not enough bytes/);
    const stored = zipSync({ 'f.npy': npyOf('<f4', [2], new Uint8Array(8)) }, { level: 0 });
    stored[Buffer.from(stored).indexOf('PK\x01\x02') - 1]! ^= 1;
    await expect(unpackNpz(stored, 'x.npz')).rejects.toThrow(/f\.npy does not have the checksum/);
  });
});

describe('parseNpy', () => {
  const parse = (
    descr: string,
    shape: readonly number[],
    bytes: Uint8Array = new Uint8Array(0),
    fortran = false,
  ) => parseNpy(npyOf(descr, shape, bytes, fortran), 'x.npy');

  it('refuses shapes and types that would fill memory out of nothing', () => {
    for (const descr of ['<U0', '|S0', '|V0'])
      expect(() => parse(descr, [20_000_000])).toThrow(/a string of at least one character, got/);
    expect(() => parse('<f4', [2 ** 53, 0])).toThrow(/shape must be one that memory can hold/);
    expect(() => parse('<f4', [2 ** 30, 2 ** 30])).toThrow(/shape must be one that memory can hold/);
    expect(() => parse('<f4', [2 ** 20])).toThrow(/needs 4194304 bytes after the header, got 0/);
    expect(parse('<f4', [0, 5])).toEqual({ kind: 'numbers', shape: [0, 5], data: new Float32Array(0) });
  });

  it('reads either byte order, and columns that run first', () => {
    const swapped = (bytes: Uint8Array, size: number): Uint8Array =>
      Uint8Array.from(bytes, (_, at) => bytes[at - (at % size) + size - 1 - (at % size)]!);
    for (const [type, array] of [
      ['f4', Float32Array.of(1.5, -2, 3, 4)],
      ['f8', Float64Array.of(1.5, -2, 3, 4)],
      ['i2', Int16Array.of(1, -2, 3, 4)],
      ['u4', Uint32Array.of(1, 2, 3, 4)],
    ] as const) {
      const bytes = new Uint8Array(array.buffer.slice(0));
      const expected = Float32Array.from(array);
      expect(parse(`<${type}`, [2, 2], bytes).data).toEqual(expected);
      expect(parse(`>${type}`, [2, 2], swapped(bytes, array.BYTES_PER_ELEMENT)).data).toEqual(expected);
      expect([...parse(`<${type}`, [2, 2], bytes, true).data]).toEqual(
        [0, 2, 1, 3].map((at) => expected[at]),
      );
    }
    const half = Uint8Array.of(0x3e, 0x00, 0xc0, 0x00);
    expect([...parse('>f2', [2], half).data]).toEqual([1.5, -2]);
    expect(parseNpyIds(npyOf('>U2', [1], Uint8Array.of(0, 0, 0, 0x61, 0, 1, 0xf6, 0x00)), 'x')).toEqual([
      'a😀',
    ]);
  });

  it.each(['<c8', '<c16', '<f16', '<M8[ns]', '|V2'])('refuses %s', (descr) => {
    expect(() => parse(descr, [1], new Uint8Array(16))).toThrow(
      /dtype must be a real number of up to 64 bits/,
    );
  });
});
