import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { readDomain, type Domain } from '@ferry/data';
import { recordPath, type FeatureMatrix, type FeatureRecord } from '../src/index.ts';
import { encodeNumbers } from '../src/elements.ts';
import { itemsHash, recordFormat } from '../src/record.ts';

/** A new directory with these files. */
export async function directoryWith(files: Record<string, string | Uint8Array> = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ferry-features-'));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
  return directory;
}

/** Folder of real data: FERRY_DATA, or beside the repository. */
export const realData = resolve(
  process.env['FERRY_DATA'] ?? join(import.meta.dirname, '../../../../shared/data'),
);

/** Whether real data is there. */
export const hasRealData = existsSync(join(realData, 'amazon-scientific-clip'));

/** An item of {@link domainOf}. */
export interface ToyItem {
  id: string;
  title?: string;
  text?: string;
  image?: string;
  clipRow?: number;
}

/** A domain on disk with these items, one user who met the first three, and more files if wanted. */
export async function domainOf(
  items: readonly ToyItem[],
  files: Record<string, string | Uint8Array> = {},
): Promise<Domain> {
  const line = (value: unknown) => `${JSON.stringify(value)}\n`;
  const directory = await directoryWith({
    'items.jsonl': items.map(line).join(''),
    'sequences.jsonl': line({ user: 'u', items: items.slice(0, 3).map(({ id }) => id) }),
    ...files,
  });
  return readDomain(directory);
}

/** Items a, b, c. */
export const abc: readonly ToyItem[] = [{ id: 'a' }, { id: 'b' }, { id: 'c' }];

/** A `.npy` file of any dtype, from the bytes of its elements. */
export function npyOf(
  descr: string,
  shape: readonly number[],
  body: Uint8Array,
  fortran = false,
): Uint8Array {
  const axes = shape.length === 1 ? `${shape[0]!},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${axes}), }\n`;
  const start = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 255, text.length >> 8);
  return new Uint8Array(Buffer.concat([start, Buffer.from(text, 'latin1'), body]));
}

/** Numbers that look random, in [-1, 1), the same at every call. */
export function noise(count: number, salt = 1): Float32Array {
  let state = salt;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Features as encoders make them: every column has a mean of its own. Float32 [rows * width]. */
export function likeFeatures(rows: number, width: number): Float32Array {
  const means = noise(width, 7);
  return noise(rows * width).map((value, at) => value * 0.5 + means[at % width]!);
}

/** The bytes of float32 numbers. */
export function floats(...values: number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

/** `.npy` and `.npz` files written by numpy 2 (`np.save`, `np.savez_compressed`), base64. */
export const numpy = {
  /** [[1.5, -2], [0, 3.25], [1e-3, 7]] as <f4. */
  f4: 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAMA/AAAAwAAAAAAAAFBAbxKDOgAA4EA=',
  /** [1.5, -2, 6.1e-5, 5.96e-8, 65504, inf] as <f2. */
  f2: 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDYsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAPgDA/wMBAP97AHw=',
  /** [[1, 2, 3], [4, 5, 6]] as <f8 in Fortran order. */
  f8: 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAADwPwAAAAAAABBAAAAAAAAAAEAAAAAAAAAUQAAAAAAAAAhAAAAAAAAAGEA=',
  /** [-1, 2 ** 40] as <i8. */
  i8: 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAr//////////wAAAAAAAQAA',
  /** ['ab', 'ü😀c', ''] as <U3. */
  texts:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPFUzJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAphAAAAYgAAAAAAAAD8AAAAAPYBAGMAAAAAAAAAAAAAAAAAAAA=',
  /** [b'ab', b'c'] as |S2. */
  bytes:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnfFMyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAphYmMA',
  /** An object array. */
  objects:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnfE8nLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMSwpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqABA==',
  /** A big-endian array. */
  bigEndian:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPmY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo/gAAA',
  /** features = [[1, 2], [0, 0], [5, 6]] as <f4 and ids = ['c', 'a', 'b'], compressed. */
  archive:
    'UEsDBC0AAAAIAAAAIQCj0+Hx//////////8MABQAZmVhdHVyZXMubnB5AQAQAJgAAAAAAAAAVgAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgpGmjoKtQpkAy4GhgZ7BgYGBwY4WABkH3AAAFBLAwQtAAAACAAAACEAZ3NJjf//////////BwAUAGlkcy5ucHkBABAAjAAAAAAAAABNAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG4Taqiuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6mjoKtQoUAK5kBgaGRCBOAmIAUEsBAi0DLQAAAAgAAAAhAKPT4fFWAAAAmAAAAAwAAAAAAAAAAAAAAIABAAAAAGZlYXR1cmVzLm5weVBLAQItAy0AAAAIAAAAIQBnc0mNTQAAAIwAAAAHAAAAAAAAAAAAAACAAZQAAABpZHMubnB5UEsFBgAAAAACAAIAbwAAABoBAAAAAA==',
};

/** Decoded bytes of one of {@link numpy}. */
export function bytesOf(name: keyof typeof numpy): Uint8Array {
  return new Uint8Array(Buffer.from(numpy[name], 'base64'));
}

/**
 * Writes a matrix as MISSRec's headerless float32 (`.feat1CLS` for text), missing items as zero rows, and the record
 * beside it.
 */
export async function writeRawFeatures(
  file: string,
  features: FeatureMatrix,
  domain?: Pick<Domain, 'items'>,
): Promise<void> {
  const { width, count, present, modality, encoder } = features;
  const data = features.data.map((value, at) => (present[Math.floor(at / width)] === 1 ? value : 0));
  const record: FeatureRecord = {
    format: recordFormat,
    modality,
    encoder,
    count,
    width,
    dtype: 'float32',
    ...(domain ? { itemsHash: itemsHash(domain) } : {}),
  };
  await writeFile(file, encodeNumbers(data, 'float32'));
  await writeFile(recordPath(file), `${JSON.stringify(record, null, 2)}\n`);
}
