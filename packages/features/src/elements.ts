import { endianness } from 'node:os';
import type { FeatureType } from './record.ts';

/** Bytes of one element. */
export const bytesOfType: Readonly<Record<FeatureType, number>> = { float16: 2, float32: 4, float64: 8 };

/** IEEE half precision to a number. */
function toNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

let table: Float32Array | undefined;

/** The value of every half-precision number by its bits; Float32 [65,536]. */
export function halfTable(): Float32Array {
  return (table ??= Float32Array.from({ length: 1 << 16 }, (_, bits) => toNumber(bits)));
}

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** A float32 number as half precision, to the nearest, halves to even; too large ones become infinite. */
function toHalf(value: number): number {
  float[0] = value;
  const bits = word[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Below the smallest normal half: multiples of 2^-24, rounded by adding a number whose last place is that.
  if (magnitude < 0x38800000) {
    float[0] = Math.abs(value) + 0.5;
    return sign | (word[0]! - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

const arrayOf = { float16: Uint16Array, float32: Float32Array, float64: Float64Array } as const;

/** The numbers of bytes in little-endian order, seen in place where the machine has that order and they are aligned. */
export function seen<T extends FeatureType>(bytes: Uint8Array, type: T): InstanceType<(typeof arrayOf)[T]> {
  const size = bytesOfType[type];
  const count = Math.floor(bytes.length / size);
  let from = bytes;
  if (endianness() === 'BE') {
    from = bytes.map((_, at) => bytes[at - (at % size) + size - 1 - (at % size)]!);
  } else if (bytes.byteOffset % size !== 0) from = bytes.slice();
  return new arrayOf[type](from.buffer as ArrayBuffer, from.byteOffset, count) as InstanceType<
    (typeof arrayOf)[T]
  >;
}

/**
 * Decodes little-endian numbers.
 *
 * @param bytes - Their bytes.
 * @param type - Their type.
 * @param into - As many floats as there are numbers.
 */
export function decodeNumbers(bytes: Uint8Array, type: FeatureType, into: Float32Array): void {
  if (type !== 'float16') {
    into.set(seen(bytes, type).subarray(0, into.length));
    return;
  }
  const values = halfTable();
  const halves = seen(bytes, 'float16');
  for (let at = 0; at < into.length; at++) into[at] = values[halves[at]!]!;
}

/** Little-endian bytes of numbers, as float16 or float32. */
export function encodeNumbers(data: Float32Array, type: 'float16' | 'float32'): Uint8Array {
  const bytes = new Uint8Array(data.length * bytesOfType[type]);
  const view = new DataView(bytes.buffer);
  if (type === 'float16')
    for (let at = 0; at < data.length; at++) view.setUint16(at * 2, toHalf(data[at]!), true);
  else for (let at = 0; at < data.length; at++) view.setFloat32(at * 4, data[at]!, true);
  return bytes;
}
