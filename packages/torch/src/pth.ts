import { openArchive, type ArchiveLimits } from './archive.ts';
import { readPickle } from './pickle.ts';
import type { PickleTensor, PickleValue } from './pickleValues.ts';

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

interface StorageType {
  dtype: PthType;
  bytes: number;
  read: (view: DataView, at: number) => number | bigint;
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
    read: (v, at) => v.getFloat32(at, true),
    make: (n) => new Float32Array(n),
  },
  HalfStorage: {
    dtype: 'float16',
    bytes: 2,
    read: (v, at) => half(v.getUint16(at, true)),
    make: (n) => new Float32Array(n),
  },
  BFloat16Storage: {
    dtype: 'bfloat16',
    bytes: 2,
    read: (v, at) => brain(v.getUint16(at, true)),
    make: (n) => new Float32Array(n),
  },
  DoubleStorage: {
    dtype: 'float64',
    bytes: 8,
    read: (v, at) => v.getFloat64(at, true),
    make: (n) => new Float64Array(n),
  },
  LongStorage: {
    dtype: 'int64',
    bytes: 8,
    read: (v, at) => v.getBigInt64(at, true),
    make: (n) => new BigInt64Array(n),
  },
  IntStorage: {
    dtype: 'int32',
    bytes: 4,
    read: (v, at) => v.getInt32(at, true),
    make: (n) => new Int32Array(n),
  },
  ShortStorage: {
    dtype: 'int16',
    bytes: 2,
    read: (v, at) => v.getInt16(at, true),
    make: (n) => new Int16Array(n),
  },
  CharStorage: { dtype: 'int8', bytes: 1, read: (v, at) => v.getInt8(at), make: (n) => new Int8Array(n) },
  ByteStorage: { dtype: 'uint8', bytes: 1, read: (v, at) => v.getUint8(at), make: (n) => new Uint8Array(n) },
  BoolStorage: {
    dtype: 'bool',
    bytes: 1,
    read: (v, at) => Math.min(v.getUint8(at), 1),
    make: (n) => new Uint8Array(n),
  },
};

function materialise(
  name: string,
  tensor: PickleTensor,
  storages: ReadonlyMap<string, Uint8Array>,
  budget: { left: number },
): PthTensor {
  const { storage, offset, shape, strides } = tensor;
  const type = Object.hasOwn(storageTypes, storage.type) ? storageTypes[storage.type]! : undefined;
  if (!type) throw new Error(`readPth: entry "${name}": elements of type ${storage.type} are not supported`);
  const bytes = storages.get(storage.key);
  if (!bytes)
    throw new Error(`readPth: entry "${name}": storage data/${storage.key} is missing from the archive`);
  if (bytes.length !== storage.count * type.bytes)
    throw new Error(
      `readPth: entry "${name}": storage data/${storage.key} must have ${storage.count} elements of ${type.bytes} bytes, ` +
        `got ${bytes.length} bytes (truncated?)`,
    );
  const count = shape.reduce((a, b) => a * b, 1);
  budget.left -= count * type.bytes;
  if (budget.left < 0)
    throw new Error(`readPth: entry "${name}" [${shape.join(', ')}] exceeds the size limit`);
  const last = shape.reduce((sum, size, i) => sum + (size - 1) * strides[i]!, offset);
  if (count > 0 && last >= storage.count)
    throw new Error(
      `readPth: entry "${name}" [${shape.join(', ')}] reaches element ${last} of a storage of ${storage.count}`,
    );
  const data = type.make(count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const index = new Array<number>(shape.length).fill(0);
  let from = offset;
  for (let i = 0; i < count; i++) {
    data[i] = type.read(view, from * type.bytes);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= index[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return { dtype: type.dtype, shape: [...shape], data };
}

function describeValue(value: PickleValue): string {
  if (typeof value !== 'object' || value === null) return `a plain value (${String(value)})`;
  if ('kind' in value) {
    if (value.kind === 'record') return `an object made by ${value.of}`;
    if (value.kind === 'global') return `the name ${value.module}.${value.name}`;
    return `a ${value.kind}`;
  }
  return 'a container';
}

/**
 * Reads the tensors of a PyTorch checkpoint's `state_dict`. Whatever else the file holds (configuration objects, optimiser
 * state) is skipped as inert data; nothing the file names is imported or called.
 *
 * @param bytes - A file of `torch.save`: a dictionary with an entry `state_dict`.
 * @param file - Name for messages.
 * @param limits - See {@link ArchiveLimits}; `maxBytes` also bounds the tensors (views may share a storage).
 * @returns Tensors by name, in the file's order.
 * @throws Error if there is no `state_dict`, or if an entry of it is anything but a tensor: the message names the entry
 *   and what it would have needed.
 */
export function readStateDict(
  bytes: Uint8Array,
  file: string,
  limits: ArchiveLimits = {},
): Map<string, PthTensor> {
  const { pickle, storages } = openArchive(bytes, file, limits);
  const root = readPickle(pickle, file);
  const state = root instanceof Map ? root.get('state_dict') : undefined;
  if (!(state instanceof Map))
    throw new Error(
      `readPth: ${file}: a dictionary with an entry "state_dict" is needed, got ${describeValue(root)}`,
    );
  const budget = { left: limits.maxBytes ?? 8 * 2 ** 30 };
  const tensors = new Map<string, PthTensor>();
  for (const [name, value] of state) {
    if (typeof name !== 'string')
      throw new Error(`readPth: ${file}: names in state_dict must be text, got ${describeValue(name)}`);
    if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'tensor')
      throw new Error(
        `readPth: ${file}: entry "${name}" of state_dict must be a tensor, got ${describeValue(value)}; ` +
          'nothing of it was run, and the file is refused',
      );
    tensors.set(name, materialise(name, value, storages, budget));
  }
  return tensors;
}
