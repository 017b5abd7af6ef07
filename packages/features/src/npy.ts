import { InputError } from '@ferry/data';
import { decodeNumbers, encodeNumbers, halfTable, seen } from './elements.ts';
import type { FeatureType } from './record.ts';

/** A numeric array of a `.npy` or `.npz` file, as float32. */
export interface NumberArray {
  /** 'numbers' for numeric dtypes. */
  kind: 'numbers';
  /** Its shape, C order. */
  shape: number[];
  /** Its values, C order. */
  data: Float32Array;
}

/** A string array of a `.npz` file: ids of rows. */
export interface TextArray {
  /** 'texts' for dtypes U and S. */
  kind: 'texts';
  /** Its shape, C order. */
  shape: number[];
  /** Its values, C order, without numpy's zero padding. */
  data: string[];
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** What the header of a `.npy` file states. */
export interface NpyHeader {
  /** numpy's dtype, such as `<f4`. */
  descr: string;
  /** Sizes of the axes. */
  shape: number[];
  /** Whether the first axis is the one that runs fastest. */
  fortran: boolean;
  /** Where the values begin. */
  offset: number;
}

/**
 * Reads the header of a `.npy` file (format 1, 2 or 3) from its first bytes.
 *
 * @throws InputError if it is no such file, is cut off inside the header, or states a size that is no number of bytes.
 */
export function parseNpyHeader(bytes: Uint8Array, file: string): NpyHeader {
  if (bytes.length < 10 || magic.some((byte, at) => bytes[at] !== byte))
    throw new InputError(
      file,
      undefined,
      'a .npy file must start with the bytes \\x93NUMPY, got other bytes',
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6]! >= 2;
  const start = wide ? 12 : 10;
  const length = bytes.length < start ? 0 : wide ? view.getUint32(8, true) : view.getUint16(8, true);
  if (start + length > bytes.length)
    throw new InputError(file, undefined, `the .npy header is cut off, got ${bytes.length} bytes`);
  const text = new TextDecoder('latin1').decode(bytes.subarray(start, start + length));
  const descr = /'descr'\s*:\s*'([^']+)'/.exec(text)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([\d,\sL]*)\)/.exec(text)?.[1];
  if (descr === undefined || fortran === undefined || shape === undefined)
    throw new InputError(
      file,
      undefined,
      `the .npy header must state a plain descr, fortran_order and shape, got ${text.trim()}`,
    );
  const dimensions = shape
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => Number(part.replace(/L$/, '')));
  if (!Number.isSafeInteger(product(dimensions)) || !dimensions.every(Number.isSafeInteger))
    throw new InputError(
      file,
      undefined,
      `the shape must be one that memory can hold, got (${shape.trim()})`,
    );
  return { descr, shape: dimensions, fortran: fortran === 'True', offset: start + length };
}

type Reader = (view: DataView, at: number, little: boolean) => number;

/** Byte length and reader of one element, by dtype without its byte-order mark. */
const readers: Readonly<Record<string, [number, Reader]>> = {
  f2: [2, (view, at, little) => halfTable()[view.getUint16(at, little)]!],
  f4: [4, (view, at, little) => view.getFloat32(at, little)],
  f8: [8, (view, at, little) => view.getFloat64(at, little)],
  i1: [1, (view, at) => view.getInt8(at)],
  u1: [1, (view, at) => view.getUint8(at)],
  b1: [1, (view, at) => view.getUint8(at)],
  i2: [2, (view, at, little) => view.getInt16(at, little)],
  u2: [2, (view, at, little) => view.getUint16(at, little)],
  i4: [4, (view, at, little) => view.getInt32(at, little)],
  u4: [4, (view, at, little) => view.getUint32(at, little)],
  i8: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
  u8: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
};

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

/** Copies a two-dimensional column-major array into row-major order. */
function rowMajor(data: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[row * columns + column] = data[column * rows + row]!;
  return out;
}

/** An element type as numpy writes it, taken apart. */
interface ElementType {
  /** 'f4', 'i8', 'U', 'S' … */
  kind: string;
  /** Bytes of one element. */
  size: number;
  /** Whether the lowest byte comes first. */
  little: boolean;
}

/**
 * What kind of elements a header announces.
 *
 * @throws InputError for objects (pickles, which would be executed), records, complex numbers and strings of no width.
 */
function elementType({ descr }: NpyHeader, file: string): ElementType {
  const [, order, kind, digits] = /^([<>|=]?)([a-zA-Z])(\d*)$/.exec(descr) ?? [];
  const little = order !== '>';
  if ((kind === 'U' || kind === 'S') && Number(digits) > 0)
    return { kind, size: Number(digits) * (kind === 'U' ? 4 : 1), little };
  const reader = kind !== undefined && readers[kind + digits!];
  if (!reader)
    throw new InputError(
      file,
      undefined,
      `dtype must be a real number of up to 64 bits or a string of at least one character, got '${descr}'`,
    );
  return { kind: kind + digits!, size: reader[0], little };
}

/** The elements' bytes, if there are as many as the shape demands. */
function bodyOf(
  bytes: Uint8Array,
  { descr, shape, offset }: NpyHeader,
  size: number,
  file: string,
): DataView {
  const found = bytes.length - offset;
  if (found !== product(shape) * size)
    throw new InputError(
      file,
      undefined,
      `shape (${shape.join(', ')}) of '${descr}' needs ${product(shape) * size} bytes after the header, got ${found}`,
    );
  return new DataView(bytes.buffer, bytes.byteOffset + offset, found);
}

/** One string of a fixed width, without numpy's zero padding. */
function readText(view: DataView, start: number, { kind, size, little }: ElementType, file: string): string {
  try {
    if (kind === 'S')
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
        .decode(new Uint8Array(view.buffer, view.byteOffset + start, size))
        .replace(/\0+$/, '');
    let text = '';
    for (let at = start; at < start + size; at += 4) text += String.fromCodePoint(view.getUint32(at, little));
    return text.replace(/\0+$/, '');
  } catch {
    throw new InputError(
      file,
      undefined,
      `strings must be ${kind === 'S' ? 'UTF-8' : 'Unicode characters'}, got other bytes in element ${start / size}`,
    );
  }
}

/**
 * Reads the bytes of a `.npy` file (format 1, 2 or 3): numbers of either byte order as float32, strings as strings. Object
 * arrays hold pickles and are refused. Numbers that are float32 already stay where they are, in the file's bytes.
 *
 * @param bytes - The file's bytes.
 * @param file - Its name, for errors.
 * @throws InputError on a broken header, an unsupported dtype, or a length other than the shape demands.
 */
export function parseNpy(bytes: Uint8Array, file: string): NumberArray | TextArray {
  const header = parseNpyHeader(bytes, file);
  const { shape, fortran } = header;
  const type = elementType(header, file);
  const view = bodyOf(bytes, header, type.size, file);
  const count = product(shape);
  if (type.kind === 'U' || type.kind === 'S') {
    if (fortran && shape.length > 1)
      throw new InputError(file, undefined, 'string arrays must be in C order, got fortran_order');
    const data = Array.from({ length: count }, (_, index) => readText(view, index * type.size, type, file));
    return { kind: 'texts', shape, data };
  }
  const plain = blockType(header);
  if (plain !== undefined) {
    const body = bytes.subarray(header.offset);
    if (plain === 'float32') return { kind: 'numbers', shape, data: seen(body, plain) };
    const data = new Float32Array(count);
    decodeNumbers(body, plain, data);
    return { kind: 'numbers', shape, data };
  }
  let data: Float32Array = new Float32Array(count);
  const read = readers[type.kind]![1];
  for (let index = 0; index < count; index++) data[index] = read(view, index * type.size, type.little);
  if (fortran && shape.length > 1) {
    if (shape.length !== 2)
      throw new InputError(
        file,
        undefined,
        `fortran_order arrays must be two-dimensional, got ${shape.length}`,
      );
    data = rowMajor(data, shape[0]!, shape[1]!);
  }
  return { kind: 'numbers', shape, data };
}

/**
 * Reads ids from the bytes of a `.npy` file: one axis of strings, or of integers, which are written in decimal.
 *
 * @throws InputError if it holds anything else.
 */
export function parseNpyIds(bytes: Uint8Array, file: string): string[] {
  const header = parseNpyHeader(bytes, file);
  const { descr, shape } = header;
  if (shape.length !== 1 || !/[USiu]/.test(descr))
    throw new InputError(
      file,
      undefined,
      `ids must be one axis of strings or integers, got '${descr}' of shape (${shape.join(', ')})`,
    );
  const type = elementType(header, file);
  const view = bodyOf(bytes, header, type.size, file);
  const { kind, size, little } = type;
  return Array.from({ length: shape[0]! }, (_, index) => {
    if (kind === 'U' || kind === 'S') return readText(view, index * size, type, file);
    // As numbers, 64-bit ids would lose their last digits.
    if (kind === 'i8') return String(view.getBigInt64(index * size, little));
    if (kind === 'u8') return String(view.getBigUint64(index * size, little));
    return String(readers[kind]![1](view, index * size, little));
  });
}

const descrOf: Readonly<Record<FeatureType, string>> = { float16: '<f2', float32: '<f4', float64: '<f8' };

/** The type that a header's dtype stands for, if features can be read from it block by block. */
export function blockType({ descr, fortran, shape }: NpyHeader): FeatureType | undefined {
  if (fortran && shape.length > 1) return undefined;
  return (Object.keys(descrOf) as FeatureType[]).find((type) => descrOf[type] === descr);
}

/** The first bytes of a `.npy` file (format 1.0, little-endian, C order), up to where the numbers begin. */
export function encodeNpyHeader(type: FeatureType, shape: readonly number[]): Uint8Array {
  return npyHeader(descrOf[type], shape);
}

/** A header of any dtype. */
function npyHeader(descr: string, shape: readonly number[]): Uint8Array {
  const dimensions = shape.length === 1 ? `${shape[0]!},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dimensions}), }`;
  // The header is padded with spaces so that the values start at a multiple of 64, and ends with a newline.
  const padded = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + padded);
  bytes.set([...magic, 1, 0]);
  new DataView(bytes.buffer).setUint16(8, padded, true);
  bytes.set(new TextEncoder().encode(`${text.padEnd(padded - 1)}\n`), 10);
  return bytes;
}

/**
 * The bytes of a `.npy` file (format 1.0, little-endian, C order).
 *
 * @param data - Values, C order.
 * @param shape - Their shape.
 * @param type - Their type; float32 by default.
 * @throws RangeError if the shape does not fit the data.
 */
export function encodeNpy(
  data: Float32Array,
  shape: readonly number[],
  type: 'float16' | 'float32' = 'float32',
): Uint8Array {
  const [header, numbers] = encodeNpyParts(data, shape, type);
  const bytes = new Uint8Array(header.length + numbers.length);
  bytes.set(header);
  bytes.set(numbers, header.length);
  return bytes;
}

/** What {@link encodeNpy} gives, in two parts: large numbers need not be copied. */
export function encodeNpyParts(
  data: Float32Array,
  shape: readonly number[],
  type: 'float16' | 'float32' = 'float32',
): [header: Uint8Array, numbers: Uint8Array] {
  if (product(shape) !== data.length)
    throw new RangeError(`encodeNpy: shape must hold ${data.length} values, got (${shape.join(', ')})`);
  return [encodeNpyHeader(type, shape), encodeNumbers(data, type)];
}

/** The bytes of a one-dimensional `.npy` file of texts, as numpy's `<U` type holds them. */
export function encodeNpyIds(ids: readonly string[]): Uint8Array {
  const characters = ids.map((id) => Array.from(id, (character) => character.codePointAt(0)!));
  const width = characters.reduce((most, own) => Math.max(most, own.length), 1);
  const header = npyHeader(`<U${width}`, [ids.length]);
  const bytes = new Uint8Array(header.length + 4 * width * ids.length);
  bytes.set(header);
  const view = new DataView(bytes.buffer);
  for (const [row, own] of characters.entries())
    for (const [at, point] of own.entries())
      view.setUint32(header.length + 4 * (row * width + at), point, true);
  return bytes;
}
