import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import {
  fromBfloat16,
  fromFloat16,
  type SafetensorsArray,
  type SafetensorsType,
  toBfloat16,
  toFloat16,
  TYPES,
} from './dtypes.ts';
import {
  encodeHeader,
  fileError,
  type HeaderEntry,
  LONGEST_HEADER,
  parseHeader,
} from './safetensorsHeader.ts';

/** A tensor as a safetensors file holds it. */
export interface SafetensorsTensor {
  /** Number format. */
  dtype: SafetensorsType;
  /** Sizes of the dimensions. */
  shape: readonly number[];
  /**
   * Row-major: Float32Array for F32, BigInt64Array for I64, Int32Array for I32, Uint8Array for U8 and BOOL (0 or 1),
   * Uint16Array of raw bits for F16 and BF16 (see {@link toFloat32} and {@link encodeFloats}).
   */
  data: SafetensorsArray;
}

/** What a safetensors file holds. */
export interface SafetensorsFile {
  /** Tensors by name, in the order of the data. */
  tensors: Map<string, SafetensorsTensor>;
  /** The file's own texts. */
  metadata: Record<string, string>;
}

/** Most bytes of one read or write: Node refuses more than 2^31 - 1. */
const CHUNK = 2 ** 30;

/**
 * Writes a safetensors file (byte for byte what Python's library writes for the same tensors and no metadata). The file
 * appears under its name only when it is complete: it is written beside it and then renamed.
 *
 * @param path - The file; its folder must exist.
 * @param tensors - Tensors by name.
 * @param metadata - Texts to keep with them.
 * @throws Error if a tensor's array does not fit its format or shape.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  metadata?: Record<string, string>,
): Promise<void> {
  const entries = layOut(tensors);
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w');
  try {
    try {
      await writeAll(file, encodeHeader(entries, metadata));
      for (const { name } of entries) await writeAll(file, tensors.get(name)!.data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

const ORDER = Object.keys(TYPES);

/** Checks tensors and gives each its place: widest formats first, then by name, as Python's library does. */
function layOut(tensors: ReadonlyMap<string, SafetensorsTensor>): HeaderEntry[] {
  const sorted = [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      ORDER.indexOf(a.dtype) - ORDER.indexOf(b.dtype) ||
      Buffer.compare(Buffer.from(nameA), Buffer.from(nameB)),
  );
  let at = 0;
  return sorted.map(([name, { dtype, shape, data }]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const { array, bytes } = TYPES[dtype];
    if (name === '__metadata__')
      throw new Error('writeSafetensors: a tensor cannot be named __metadata__, got one');
    if (!(data instanceof array) || data.length !== size)
      throw new Error(
        `writeSafetensors: "${name}", ${dtype} [${shape.join(', ')}], must be a ${array.name} of ${size}, ` +
          `got a ${data.constructor.name} of ${data.length}`,
      );
    const begin = at;
    at += size * bytes;
    return { name, dtype, shape: [...shape], begin, end: at };
  });
}

async function writeAll(file: FileHandle, data: SafetensorsArray): Promise<void> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, at, Math.min(CHUNK, bytes.length - at));
    at += bytesWritten;
  }
}

/**
 * Reads a safetensors file and checks all of its header.
 *
 * @param path - The file.
 * @throws Error naming the file and the broken rule if it is truncated, damaged, or holds a format we do not read.
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size < 8) throw fileError(path, 'a file must have at least 8 bytes', size);
    const first = new DataView((await readAt(file, 0, 8, path)).buffer);
    const length = Number(first.getBigUint64(0, true));
    if (length > LONGEST_HEADER || length > size - 8)
      throw fileError(
        path,
        `the header's length must be at most ${Math.min(LONGEST_HEADER, size - 8)} (truncated file?)`,
        length,
      );
    const header = await readAt(file, 8, length, path);
    if (header[0] !== 0x7b) throw fileError(path, 'the header must start with {', header[0] ?? 'nothing');
    const { entries, metadata } = parseHeader(decode(header, path), size - 8 - length, path);
    const tensors = new Map<string, SafetensorsTensor>();
    for (const { name, dtype, shape, begin, end } of entries) {
      const bytes = await readAt(file, 8 + length + begin, end - begin, path);
      if (dtype === 'BOOL' && bytes.some((byte) => byte > 1))
        throw fileError(`${path}: tensor "${name}"`, 'BOOL bytes must be 0 or 1', 'others');
      tensors.set(name, { dtype, shape, data: new TYPES[dtype].array(bytes.buffer) });
    }
    return { tensors, metadata };
  } finally {
    await file.close();
  }
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw fileError(path, 'the header must be UTF-8', 'other bytes');
  }
}

async function readAt(
  file: FileHandle,
  position: number,
  length: number,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const { bytesRead } = await file.read(bytes, at, Math.min(CHUNK, length - at), position + at);
    if (bytesRead === 0)
      throw fileError(path, `byte ${position + length} must be there (truncated file?)`, position + at);
    at += bytesRead;
  }
  return bytes;
}

/**
 * A tensor's values as float32: F32 as they are, F16 and BF16 exactly.
 *
 * @throws Error for other formats, which are not floating point.
 */
export function toFloat32({ dtype, data }: SafetensorsTensor): Float32Array {
  if (dtype === 'F32') return data as Float32Array;
  if (dtype !== 'F16' && dtype !== 'BF16')
    throw new Error(`toFloat32: dtype must be F32, F16 or BF16, got ${dtype}`);
  return Float32Array.from(data as Uint16Array, dtype === 'F16' ? fromFloat16 : fromBfloat16);
}

/**
 * Float32 values in a format with fewer bits, each rounded to the nearest (ties to even).
 *
 * @param values - Row-major.
 * @param shape - Sizes of the dimensions.
 * @param dtype - F16, BF16, or F32 to keep them.
 */
export function encodeFloats(
  values: Float32Array,
  shape: readonly number[],
  dtype: 'F32' | 'F16' | 'BF16',
): SafetensorsTensor {
  if (dtype === 'F32') return { dtype, shape, data: values };
  return { dtype, shape, data: Uint16Array.from(values, dtype === 'F16' ? toFloat16 : toBfloat16) };
}
