import { limitsOf, openArchive, type ArchiveLimits } from './archive.ts';
import { storageType, type PthTensor } from './elements.ts';
import { isKind, type PickleTensor, type PickleValue } from './pickleValues.ts';

/** The elements of a view of a storage in row-major order; `fail` makes an error of what is wrong with it. */
function materialise(
  tensor: PickleTensor,
  storages: ReadonlyMap<string, Uint8Array>,
  budget: { readonly whole: number; left: number },
  fail: (rule: string) => Error,
): PthTensor {
  const { storage, offset, shape, strides } = tensor;
  const type = storageType(storage.type);
  if (!type) throw fail(`elements of type ${storage.type} are not supported`);
  const bytes = storages.get(storage.key);
  if (!bytes) throw fail(`storage data/${storage.key} is missing from the archive`);
  if (bytes.length !== storage.count * type.bytes)
    throw fail(
      `storage data/${storage.key} must have ${storage.count} elements of ${type.bytes} bytes, ` +
        `got ${bytes.length} bytes (truncated?)`,
    );
  // A dimension of 0 first: the others may be anything then, also too large for their product to be a number.
  const count = shape.includes(0) ? 0 : shape.reduce((a, b) => a * b, 1);
  budget.left -= count * type.made;
  if (!(budget.left >= 0))
    throw fail(
      `shape [${shape.join(', ')}] exceeds the size limit of ${budget.whole} bytes for all tensors (maxBytes)`,
    );
  const last = shape.reduce((sum, size, i) => sum + (size - 1) * strides[i]!, offset);
  if (count > 0 && last >= storage.count)
    throw fail(`shape [${shape.join(', ')}] reaches element ${last} of a storage of ${storage.count}`);
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

/** Under these names training scripts keep the weights, in the order in which they are looked for. */
const stateNames = ['state_dict', 'model_state_dict', 'model'] as const;

/** The dictionary of weights in what was saved: an entry of it, or the whole. */
function stateOf(root: PickleValue, file: string): Map<PickleValue, PickleValue> {
  if (isKind(root, 'record'))
    throw new Error(
      `readPth: ${file}: it holds ${describeValue(root)}, a whole model, which only its own code can read; ` +
        'save its weights instead: torch.save(model.state_dict(), …)',
    );
  if (root instanceof Map) {
    for (const name of stateNames) {
      const state = root.get(name);
      if (state instanceof Map) return state;
    }
    if ([...root.values()].some((value) => isKind(value, 'tensor'))) return root;
  }
  const keys =
    root instanceof Map
      ? ` with the entries ${
          [...root.keys()]
            .slice(0, 8)
            .map((key) => (typeof key === 'string' ? key : describeValue(key)))
            .join(', ') || 'none'
        }`
      : '';
  throw new Error(
    `readPth: ${file}: weights are needed: a dictionary of tensors, or one with an entry ${stateNames
      .map((name) => `"${name}"`)
      .join(' or ')}, got ${describeValue(root)}${keys}`,
  );
}

/** What wrappers put in front of every name: `DataParallel` and `torch.compile`. */
const wrappers = ['module.', '_orig_mod.'] as const;

/** Names without what wrappers put in front of all of them. */
function unwrapped(tensors: Map<string, PthTensor>): Map<string, PthTensor> {
  const names = [...tensors.keys()];
  if (names.length === 0) return tensors;
  let start = 0;
  for (;;) {
    const wrapper = wrappers.find((prefix) => names.every((name) => name.startsWith(prefix, start)));
    if (wrapper === undefined) break;
    start += wrapper.length;
  }
  return start === 0 ? tensors : new Map([...tensors].map(([name, tensor]) => [name.slice(start), tensor]));
}

/**
 * Reads the tensors of a PyTorch checkpoint's `state_dict`. Whatever else the file holds (configuration objects, optimiser
 * state) is skipped as inert data; nothing the file names is imported or called.
 *
 * @param bytes - A file of `torch.save`: a dictionary of tensors, or one with an entry `state_dict`, `model_state_dict`
 *   or `model`.
 * @param file - Name for messages.
 * @param limits - See {@link ArchiveLimits}.
 * @returns Tensors by name, in the file's order; a `module.` or `_orig_mod.` in front of every name is left out.
 * @throws Error if there are no weights, or if an entry of them is anything but a tensor: the message names the entry
 *   and what it would have needed.
 */
export function readStateDict(
  bytes: Uint8Array,
  file: string,
  limits: ArchiveLimits = {},
): Map<string, PthTensor> {
  const { root, storages } = openArchive(bytes, file, limits);
  const whole = limitsOf(bytes, limits).maxBytes;
  const budget = { whole, left: whole };
  const tensors = new Map<string, PthTensor>();
  for (const [name, value] of stateOf(root, file)) {
    if (typeof name !== 'string')
      throw new Error(`readPth: ${file}: names of weights must be text, got ${describeValue(name)}`);
    if (!isKind(value, 'tensor'))
      throw new Error(
        `readPth: ${file}: entry "${name}" of the weights must be a tensor, got ${describeValue(value)}; ` +
          'nothing of it was run, and the file is refused',
      );
    const fail = (rule: string): Error => new Error(`readPth: ${file}: entry "${name}": ${rule}`);
    tensors.set(name, materialise(value, storages, budget, fail));
  }
  return unwrapped(tensors);
}
