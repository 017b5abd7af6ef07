/** A name `module.name` that a pickle refers to. Never looked up, imported or called. */
export interface PickleGlobal {
  /** Tells the kinds of values apart. */
  readonly kind: 'global';
  /** The Python module, as the file names it. */
  readonly module: string;
  /** The class or function in it. */
  readonly name: string;
}

/** An object of a class that means nothing here: what it would be made of, and nothing done with it. */
export interface PickleRecord {
  /** Tells the kinds of values apart. */
  readonly kind: 'record';
  /** What the file wanted called or instantiated, `module.name`, or what else it was. */
  readonly of: string;
  /** Its arguments. */
  readonly args: readonly PickleValue[];
  /** What was set on it afterwards. */
  state: PickleValue;
}

/** Bytes of one or more tensors, kept in an entry of the archive. */
export interface PickleStorage {
  /** Tells the kinds of values apart. */
  readonly kind: 'storage';
  /** The storage class, such as `FloatStorage`. */
  readonly type: string;
  /** Name of the archive's entry. */
  readonly key: string;
  /** Elements in the storage. */
  readonly count: number;
}

/** A strided view of a storage. */
export interface PickleTensor {
  /** Tells the kinds of values apart. */
  readonly kind: 'tensor';
  /** Where its elements are. */
  readonly storage: PickleStorage;
  /** First element. */
  readonly offset: number;
  /** Sizes of the dimensions. */
  readonly shape: readonly number[];
  /** Elements to step over in each dimension. */
  readonly strides: readonly number[];
}

/** What {@link readPickle} builds: lists and tuples are arrays, dictionaries are maps. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleGlobal
  | PickleRecord
  | PickleStorage
  | PickleTensor;

/** `module.name` of a global, for messages. */
export function nameOf(value: PickleValue): string {
  if (typeof value === 'object' && value !== null && 'kind' in value) {
    if (value.kind === 'global') return `${value.module}.${value.name}`;
    if (value.kind === 'record') return value.of;
    return `a ${value.kind}`;
  }
  return value === null ? 'None' : Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

export function isKind<K extends 'global' | 'record' | 'storage' | 'tensor'>(
  value: PickleValue | undefined,
  kind: K,
): value is Extract<PickleValue, { readonly kind: K }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

/** Whether a value is a whole number of at least 0 that a number holds exactly. */
export function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

const isCounts = (value: PickleValue | undefined): value is number[] =>
  Array.isArray(value) && value.every(isCount);

/** Most dimensions of a tensor; PyTorch itself has no more. */
const maxRank = 64;

/** `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, …)` as data; undefined if the arguments are not that. */
function tensorOf(args: readonly PickleValue[], fail: (rule: string) => Error): PickleTensor | undefined {
  const [storage, offset, shape, strides] = args;
  // First, since one long list may be the shape of many tensors.
  if (Array.isArray(shape) && shape.length > maxRank)
    throw fail(`a tensor has ${shape.length} dimensions, at most ${maxRank} are read`);
  if (!isKind(storage, 'storage') || !isCount(offset) || !isCounts(shape) || !isCounts(strides))
    return undefined;
  if (shape.length !== strides.length) return undefined;
  return { kind: 'tensor', storage, offset, shape: [...shape], strides: [...strides] };
}

/**
 * What a call in the file amounts to. Three calls are understood, as data; every other one becomes an inert record.
 *
 * @throws What `fail` makes, for a tensor of more dimensions than there can be.
 */
export function reduce(
  callee: PickleValue,
  args: readonly PickleValue[],
  fail: (rule: string) => Error,
): PickleValue {
  const name = nameOf(callee);
  if (isKind(callee, 'global')) {
    if (name === 'collections.OrderedDict' && args.length === 0) return new Map();
    if (name === 'torch._utils._rebuild_tensor_v2' || name === 'torch._utils._rebuild_tensor') {
      const tensor = tensorOf(args, fail);
      if (tensor) return tensor;
    }
    if (name.startsWith('torch._utils._rebuild_parameter') && isKind(args[0], 'tensor')) return args[0];
  }
  return { kind: 'record', of: name, args, state: null };
}

/** `('storage', class, key, location, elements)`, the persistent ids of `torch.save`. */
export function storageOf(id: PickleValue): PickleValue {
  if (Array.isArray(id) && id[0] === 'storage') {
    const [, type, key, , count, view] = id;
    // In the older form a storage could be a view of another one, which PyTorch has not written since 0.4.
    if (isKind(type, 'global') && typeof key === 'string' && isCount(count) && (view ?? null) === null)
      return { kind: 'storage', type: type.name, key, count };
  }
  return { kind: 'record', of: 'a persistent object', args: [id], state: null };
}
