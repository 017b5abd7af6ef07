import type { Hash } from 'node:crypto';

/** Adds the bytes of arrays to a hash, one array after the other. */
export function addArrays(hash: Hash, arrays: Iterable<ArrayBufferView>): Hash {
  for (const { buffer, byteOffset, byteLength } of arrays)
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash;
}
