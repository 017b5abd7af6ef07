import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InputError } from '@ferry/data';

const magic = new TextEncoder().encode('FERRYVEC');
const headerBytes = 16;
const keyBytes = 32;
const checkBytes = 8;

/**
 * Vectors by content, in one file that only grows: an extraction that was killed goes on where it stopped, and a text
 * that two items or two domains share is encoded once.
 *
 * The file is 'FERRYVEC', format 1 and F as uint32, then records of a 32-byte SHA-256 key, F float32, and the first 8
 * bytes of the SHA-256 of both. A record that was cut off while being written, and whatever follows one that is damaged,
 * is dropped when the file is opened.
 */
export interface VectorCache {
  /** The vector stored under a hexadecimal SHA-256, or undefined. */
  get: (key: string) => Float32Array | undefined;
  /** Adds vectors, on disk too. */
  add: (entries: readonly (readonly [key: string, vector: Float32Array])[]) => Promise<void>;
  /** F, or undefined while the cache is empty. */
  width: () => number | undefined;
}

/** The check of a record's key and vector. */
function checkOf(content: Uint8Array): Uint8Array {
  return createHash('sha256').update(content).digest().subarray(0, checkBytes);
}

/**
 * Opens a cache file, or a new cache if there is none.
 *
 * @throws InputError if the file is something else.
 */
export async function openVectorCache(file: string): Promise<VectorCache> {
  const bytes = await readFile(file).catch(() => undefined);
  const vectors = new Map<string, Float32Array>();
  let width: number | undefined;
  if (bytes && bytes.length >= headerBytes) {
    if (magic.some((byte, at) => bytes[at] !== byte) || bytes.readUInt32LE(8) !== 1)
      throw new InputError(
        file,
        undefined,
        'a vector cache must start with FERRYVEC and format 1, got other bytes',
      );
    width = bytes.readUInt32LE(12);
    const content = keyBytes + width * 4;
    let at = headerBytes;
    while (at + content + checkBytes <= bytes.length) {
      const record = bytes.subarray(at, at + content);
      if (!bytes.subarray(at + content, at + content + checkBytes).equals(checkOf(record))) break;
      const vector = new Uint8Array(record.subarray(keyBytes)).buffer;
      vectors.set(record.subarray(0, keyBytes).toString('hex'), new Float32Array(vector));
      at += content + checkBytes;
    }
    if (at < bytes.length) await truncate(file, at);
  }
  // A file cut off inside its header holds nothing yet.
  if (bytes && bytes.length < headerBytes) await rm(file);
  return {
    get: (key) => vectors.get(key),
    width: () => width,
    add: async (entries) => {
      if (entries.length === 0) return;
      const own = entries[0]![1].length;
      if (width === undefined) {
        width = own;
        const header = Buffer.alloc(headerBytes);
        header.set(magic);
        header.writeUInt32LE(1, 8);
        header.writeUInt32LE(width, 12);
        await mkdir(dirname(file), { recursive: true });
        // 'wx': if another process has begun the file meanwhile, its header and records stay.
        await writeFile(file, header, { flag: 'wx' }).catch((error: unknown) => {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        });
      }
      const parts: Uint8Array[] = [];
      for (const [key, vector] of entries) {
        if (vector.length !== width)
          throw new RangeError(
            `openVectorCache: vectors of ${file} must be ${width} wide, got ${vector.length}`,
          );
        const record = Buffer.concat([
          Buffer.from(key, 'hex'),
          new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength),
        ]);
        parts.push(record, checkOf(record));
        vectors.set(key, vector);
      }
      await appendFile(file, Buffer.concat(parts));
    },
  };
}
