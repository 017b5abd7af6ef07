/** Element types of PyTorch that are read. */
export type PthType =
  'float32' | 'float16' | 'bfloat16' | 'float64' | 'int64' | 'int32' | 'int16' | 'int8' | 'uint8' | 'bool';

/** A tensor of a checkpoint, contiguous. */
export interface PthTensor {
  /** Its type in the file. */
  dtype: PthType;
  /** Sizes of the dimensions. */
  shape: number[];
  /** Row-major values: half precision as float32, bool as 0 and 1. */
  data: Float32Array | Float64Array | BigInt64Array | Int32Array | Int16Array | Int8Array | Uint8Array;
}

/** How the elements of a storage are read. */
export interface StorageType {
  /** Its type in the file. */
  dtype: PthType;
  /** Bytes of an element in the file. */
  bytes: number;
  /** Bytes of an element once read. */
  made: number;
  /** Reads one. */
  read: (view: DataView, at: number) => number | bigint;
  /** Room for some. */
  make: (count: number) => PthTensor['data'];
}

/** IEEE half precision, exactly. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

const widened = new DataView(new ArrayBuffer(4));
function brain(bits: number): number {
  widened.setUint32(0, bits << 16);
  return widened.getFloat32(0);
}

const storageTypes: Readonly<Record<string, StorageType>> = {
  FloatStorage: {
    dtype: 'float32',
    bytes: 4,
    made: 4,
    read: (v, at) => v.getFloat32(at, true),
    make: (n) => new Float32Array(n),
  },
  HalfStorage: {
    dtype: 'float16',
    bytes: 2,
    made: 4,
    read: (v, at) => half(v.getUint16(at, true)),
    make: (n) => new Float32Array(n),
  },
  BFloat16Storage: {
    dtype: 'bfloat16',
    bytes: 2,
    made: 4,
    read: (v, at) => brain(v.getUint16(at, true)),
    make: (n) => new Float32Array(n),
  },
  DoubleStorage: {
    dtype: 'float64',
    bytes: 8,
    made: 8,
    read: (v, at) => v.getFloat64(at, true),
    make: (n) => new Float64Array(n),
  },
  LongStorage: {
    dtype: 'int64',
    bytes: 8,
    made: 8,
    read: (v, at) => v.getBigInt64(at, true),
    make: (n) => new BigInt64Array(n),
  },
  IntStorage: {
    dtype: 'int32',
    bytes: 4,
    made: 4,
    read: (v, at) => v.getInt32(at, true),
    make: (n) => new Int32Array(n),
  },
  ShortStorage: {
    dtype: 'int16',
    bytes: 2,
    made: 4,
    read: (v, at) => v.getInt16(at, true),
    make: (n) => new Int16Array(n),
  },
  CharStorage: {
    dtype: 'int8',
    bytes: 1,
    made: 1,
    read: (v, at) => v.getInt8(at),
    make: (n) => new Int8Array(n),
  },
  ByteStorage: {
    dtype: 'uint8',
    bytes: 1,
    made: 1,
    read: (v, at) => v.getUint8(at),
    make: (n) => new Uint8Array(n),
  },
  BoolStorage: {
    dtype: 'bool',
    bytes: 1,
    made: 1,
    read: (v, at) => Math.min(v.getUint8(at), 1),
    make: (n) => new Uint8Array(n),
  },
};

/** How the elements of a storage class are read; undefined for a class that is not supported. */
export function storageType(name: string): StorageType | undefined {
  return Object.hasOwn(storageTypes, name) ? storageTypes[name] : undefined;
}

/** Bytes of an element of a storage class. */
export function elementBytes(name: string): number | undefined {
  return storageType(name)?.bytes;
}
