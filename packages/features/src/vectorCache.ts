import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, truncateSync } from 'node:fs';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InputError, makeDirectory } from '@ferry/data';

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
 * is dropped when the file is opened. Vectors stay in the file, which may be of any size; only keys and places are held.
 */
export interface VectorCache {
  /** Whether there is a vector under a hexadecimal SHA-256. */
  has: (key: string) => boolean;
  /** The vector stored under a hexadecimal SHA-256, or undefined. */
  get: (key: string) => Float32Array | undefined;
  /** Adds vectors, on disk too. */
  add: (entries: readonly (readonly [key: string, vector: Float32Array])[]) => Promise<void>;
  /** F, or undefined while the cache is empty. */
  width: () => number | undefined;
  /** Closes the file. */
  close: () => void;
}

/** Bytes read at once where a file is gone through. */
const blockBytes = 1 << 23;

/** The check of a record's key and vector. */
function checkOf(content: Uint8Array): Uint8Array {
  return createHash('sha256').update(content).digest().subarray(0, checkBytes);
}

/** Opens a file for reading; undefined if there is none. */
function openExisting(file: string): number | undefined {
  try {
    return openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new InputError(file, undefined, `the vector cache cannot be read (${(error as Error).message})`);
  }
}

/** Width of the vectors from a file's header; undefined where the file is cut off inside it. */
function readHeader(fd: number, file: string): number | undefined {
  const header = Buffer.alloc(headerBytes);
  try {
    if (readSync(fd, header, 0, headerBytes, 0) < headerBytes) return undefined;
  } catch (error) {
    throw new InputError(file, undefined, `the vector cache cannot be read (${(error as Error).message})`);
  }
  if (magic.some((byte, at) => header[at] !== byte) || header.readUInt32LE(8) !== 1)
    throw new InputError(
      file,
      undefined,
      'a vector cache must start with FERRYVEC and format 1, got other bytes',
    );
  return header.readUInt32LE(12);
}

/**
 * Reads records from `from` on up to the end or the first that is cut off or damaged.
 *
 * @param visit - Told each record's key and the place of its vector.
 * @returns Where it stopped.
 */
function scan(fd: number, from: number, width: number, visit: (key: string, at: number) => void): number {
  const content = keyBytes + width * 4;
  const record = content + checkBytes;
  const block = Buffer.alloc(record * Math.max(1, Math.floor(blockBytes / record)));
  const { size } = fstatSync(fd);
  let at = from;
  while (at + record <= size) {
    const read = readSync(fd, block, 0, Math.min(block.length, size - at), at);
    let start = 0;
    for (; start + record <= read; start += record) {
      const check = block.subarray(start + content, start + record);
      if (!check.equals(checkOf(block.subarray(start, start + content)))) return at + start;
      visit(block.toString('hex', start, start + keyBytes), at + start + keyBytes);
    }
    if (start === 0) return at;
    at += start;
  }
  return at;
}

/** A record's bytes. */
function encodeRecord(key: string, vector: Float32Array): Uint8Array {
  const content = Buffer.concat([
    Buffer.from(key, 'hex'),
    new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength),
  ]);
  return Buffer.concat([content, checkOf(content)]);
}

/** Writes the header of a new file. 'wx': if another process has begun it meanwhile, its header and records stay. */
async function begin(file: string, width: number): Promise<void> {
  const header = Buffer.alloc(headerBytes);
  header.set(magic);
  header.writeUInt32LE(1, 8);
  header.writeUInt32LE(width, 12);
  makeDirectory(dirname(file));
  await writeFile(file, header, { flag: 'wx' }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
}

/**
 * Opens a cache file, or a new cache if there is none.
 *
 * @throws InputError if the file is something else or cannot be read.
 */
export async function openVectorCache(file: string): Promise<VectorCache> {
  /** Where in the file the vector of each key is. */
  const places = new Map<string, number>();
  /** Vectors that this process wrote behind a record that another one left unfinished. */
  const behind = new Map<string, Float32Array>();
  let fd = openExisting(file);
  let width: number | undefined;
  let end = headerBytes;
  const readOn = (): void => {
    end = scan(fd!, end, width!, (key, at) => places.set(key, at));
  };
  if (fd !== undefined) {
    width = readHeader(fd, file);
    if (width === undefined) {
      // A file cut off inside its header holds nothing yet.
      closeSync(fd);
      fd = undefined;
      await rm(file);
    } else {
      readOn();
      if (end < fstatSync(fd).size) truncateSync(file, end);
    }
  }
  return {
    has: (key) => places.has(key) || behind.has(key),
    get: (key) => {
      const at = places.get(key);
      if (at === undefined) return behind.get(key);
      const vector = new Float32Array(width!);
      readSync(fd!, new Uint8Array(vector.buffer), 0, vector.byteLength, at);
      return vector;
    },
    width: () => width,
    add: async (entries) => {
      if (entries.length === 0) return;
      if (fd === undefined) {
        await begin(file, entries[0]![1].length);
        fd = openExisting(file)!;
        width = readHeader(fd, file)!;
      }
      for (const [, vector] of entries)
        if (vector.length !== width)
          throw new RangeError(
            `openVectorCache: vectors of ${file} must be ${width} wide, got ${vector.length}`,
          );
      await appendFile(file, Buffer.concat(entries.map(([key, vector]) => encodeRecord(key, vector))));
      readOn();
      for (const [key, vector] of entries) if (!places.has(key)) behind.set(key, vector);
    },
    close: () => {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}
