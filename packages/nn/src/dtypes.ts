/** Number formats a safetensors file of ours may hold. */
export type SafetensorsType = 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'U8' | 'BOOL';

/** Arrays that hold these formats. */
export type SafetensorsArray = Float32Array | Uint16Array | BigInt64Array | Int32Array | Uint8Array;

interface TypeDescription {
  bytes: number;
  array: new (buffer: ArrayBuffer) => SafetensorsArray;
}

/** Formats in the order in which Python's safetensors writes them (the widest alignment first). */
export const TYPES: Readonly<Record<SafetensorsType, TypeDescription>> = {
  I64: { bytes: 8, array: BigInt64Array },
  F32: { bytes: 4, array: Float32Array },
  I32: { bytes: 4, array: Int32Array },
  BF16: { bytes: 2, array: Uint16Array },
  F16: { bytes: 2, array: Uint16Array },
  U8: { bytes: 1, array: Uint8Array },
  BOOL: { bytes: 1, array: Uint8Array },
};

/** Whether a text names a format we read. */
export function isSafetensorsType(text: unknown): text is SafetensorsType {
  return typeof text === 'string' && Object.hasOwn(TYPES, text);
}

const scratch = new DataView(new ArrayBuffer(4));

function bitsOf(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

function floatOf(bits: number): number {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
}

/** The number a bfloat16 holds: the upper half of a float32. */
export function fromBfloat16(bits: number): number {
  return floatOf((bits << 16) >>> 0);
}

/** The nearest bfloat16, ties to even. */
export function toBfloat16(value: number): number {
  const bits = bitsOf(value);
  // A NaN whose payload lies in the lower half must not become an infinity.
  if (Number.isNaN(value)) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The number an IEEE 754 half holds: 1 sign, 5 exponent and 10 fraction bits. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The nearest IEEE 754 half, ties to even; beyond ±65,520 an infinity. */
export function toFloat16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  // In units of the last place of the value's binade; below 2^-14 the unit no longer shrinks.
  const exponent = Math.max(Math.floor(Math.log2(magnitude || 2 ** -30)), -14);
  const units = roundToEven(magnitude / 2 ** (exponent - 10));
  // Units run to 2048 where rounding reaches the next binade; the sum carries into the exponent by itself.
  return sign | (exponent === -14 ? units : ((exponent + 14) << 10) + units);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
