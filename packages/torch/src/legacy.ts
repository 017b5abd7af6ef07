import { readPickleAt } from './pickle.ts';
import { isCount, isKind, type PickleStorage, type PickleValue } from './pickleValues.ts';
import { elementBytes } from './elements.ts';

/** The number that the first pickle of such a file holds. */
const magic = 0x1950a86a20f9469cfc6cn;
/** That pickle: protocol 2, LONG1 of ten bytes, STOP. */
const opening = [0x80, 2, 0x8a, 10];

/** Whether a file has the form that `torch.save` wrote before PyTorch 1.6 (`_use_new_zipfile_serialization=False`). */
export function isLegacy(bytes: Uint8Array): boolean {
  if (bytes.length < 15 || opening.some((byte, i) => bytes[i] !== byte)) return false;
  return (
    Array.from(bytes.subarray(4, 14)).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) === magic
  );
}

/**
 * Opens such a file: pickles of the magic number, the protocol, the system that wrote it, the object and the keys of its
 * storages; then for each key the number of elements and the elements.
 *
 * @param bytes - The file, for which {@link isLegacy} holds.
 * @param file - Name for messages.
 * @throws Error if it is truncated, of another protocol or byte order, or has storages that are views of others.
 */
export function openLegacy(
  bytes: Uint8Array,
  file: string,
): { root: PickleValue; storages: Map<string, Uint8Array> } {
  const fail = (rule: string): Error => new Error(`openArchive: ${file}: ${rule}`);
  let at = 0;
  const declared = new Map<string, PickleStorage>();
  const next = (): PickleValue => {
    const { value, end } = readPickleAt(bytes, file, at, (storage) => {
      const known = declared.get(storage.key);
      if (known && (known.type !== storage.type || known.count !== storage.count))
        throw fail(`storage ${storage.key} is declared twice, in different ways`);
      declared.set(storage.key, storage);
    });
    at = end;
    return value;
  };
  next();
  const protocol = next();
  if (protocol !== 1001) throw fail('only protocol 1001 of the older form of torch.save is read');
  const system = next();
  if (system instanceof Map && system.get('little_endian') === false)
    throw fail('only little-endian checkpoints are read');
  const root = next();
  const keys = next();
  if (!Array.isArray(keys)) throw fail('a list of storages is needed behind the object');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const storages = new Map<string, Uint8Array>();
  for (const key of keys) {
    const storage = typeof key === 'string' ? declared.get(key) : undefined;
    if (typeof key !== 'string' || !isKind(storage, 'storage') || storages.has(key))
      throw fail('the list of storages must name each storage of the object once');
    const width = elementBytes(storage.type);
    if (width === undefined) throw fail(`elements of type ${storage.type} are not supported`);
    if (bytes.length - at < 8) throw fail(`the file ends before storage ${key} (truncated?)`);
    const count = Number(view.getBigUint64(at, true));
    if (!isCount(count) || count !== storage.count)
      throw fail(`storage ${key} must have ${storage.count} elements, got ${count}`);
    at += 8;
    if (count * width > bytes.length - at)
      throw fail(`storage ${key} must have ${count * width} bytes, got ${bytes.length - at} (truncated?)`);
    storages.set(key, bytes.subarray(at, at + count * width));
    at += count * width;
  }
  return { root, storages };
}
