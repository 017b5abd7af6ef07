import { InputError } from '@ferry/data';

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

interface Header {
  descr: string;
  shape: number[];
  fortran: boolean;
  offset: number;
}

function parseHeader(bytes: Uint8Array, file: string): Header {
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
    .map((part) => Number.parseInt(part, 10));
  return { descr, shape: dimensions, fortran: fortran === 'True', offset: start + length };
}

/** IEEE half precision to a number. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Byte length and reader of one element, by dtype without its byte-order mark. */
const readers: Readonly<Record<string, [number, (view: DataView, at: number) => number]>> = {
  f2: [2, (view, at) => halfToNumber(view.getUint16(at, true))],
  f4: [4, (view, at) => view.getFloat32(at, true)],
  f8: [8, (view, at) => view.getFloat64(at, true)],
  i1: [1, (view, at) => view.getInt8(at)],
  u1: [1, (view, at) => view.getUint8(at)],
  b1: [1, (view, at) => view.getUint8(at)],
  i2: [2, (view, at) => view.getInt16(at, true)],
  u2: [2, (view, at) => view.getUint16(at, true)],
  i4: [4, (view, at) => view.getInt32(at, true)],
  u4: [4, (view, at) => view.getUint32(at, true)],
  i8: [8, (view, at) => Number(view.getBigInt64(at, true))],
  u8: [8, (view, at) => Number(view.getBigUint64(at, true))],
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

/**
 * Reads the bytes of a `.npy` file (format 1, 2 or 3): numbers of any little-endian dtype as float32, strings as
 * strings. Object arrays hold pickles and are refused.
 *
 * @param bytes - The file's bytes.
 * @param file - Its name, for errors.
 * @throws InputError on a broken header, an unsupported dtype, or a length other than the shape demands.
 */
export function parseNpy(bytes: Uint8Array, file: string): NumberArray | TextArray {
  const { descr, shape, fortran, offset } = parseHeader(bytes, file);
  const count = product(shape);
  const body = bytes.subarray(offset);
  const textType = /^[<|=]?([US])(\d+)$/.exec(descr);
  const reader = readers[descr.replace(/^[<|=]/, '')];
  if (!textType && !reader)
    throw new InputError(file, undefined, `dtype must be a little-endian number or a string, got '${descr}'`);
  const size = textType ? Number(textType[2]) * (textType[1] === 'U' ? 4 : 1) : reader![0];
  if (body.length !== count * size)
    throw new InputError(
      file,
      undefined,
      `shape (${shape.join(', ')}) of '${descr}' needs ${count * size} bytes after the header, got ${body.length}`,
    );
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (textType) {
    if (fortran && shape.length > 1)
      throw new InputError(file, undefined, 'string arrays must be in C order, got fortran_order');
    const wide = textType[1] === 'U';
    const data = Array.from({ length: count }, (_, index) => {
      const start = index * size;
      if (!wide) return new TextDecoder().decode(body.subarray(start, start + size)).replace(/\0+$/, '');
      let text = '';
      for (let at = start; at < start + size; at += 4) text += String.fromCodePoint(view.getUint32(at, true));
      return text.replace(/\0+$/, '');
    });
    return { kind: 'texts', shape, data };
  }
  let data: Float32Array = new Float32Array(count);
  const read = reader![1];
  for (let index = 0; index < count; index++) data[index] = read(view, index * size);
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
 * The bytes of a `.npy` file (format 1.0, little-endian float32, C order).
 *
 * @param data - Values, C order.
 * @param shape - Their shape.
 * @throws RangeError if the shape does not fit the data.
 */
export function encodeNpy(data: Float32Array, shape: readonly number[]): Uint8Array {
  if (product(shape) !== data.length)
    throw new RangeError(`encodeNpy: shape must hold ${data.length} values, got (${shape.join(', ')})`);
  const dimensions = shape.length === 1 ? `${shape[0]!},` : shape.join(', ');
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${dimensions}), }`;
  // The header is padded with spaces so that the values start at a multiple of 64, and ends with a newline.
  const padded = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + padded + data.length * 4);
  bytes.set([...magic, 1, 0]);
  const view = new DataView(bytes.buffer);
  view.setUint16(8, padded, true);
  bytes.set(new TextEncoder().encode(`${text.padEnd(padded - 1)}\n`), 10);
  for (let index = 0; index < data.length; index++)
    view.setFloat32(10 + padded + index * 4, data[index]!, true);
  return bytes;
}
