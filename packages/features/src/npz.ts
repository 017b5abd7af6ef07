import { InputError } from '@ferry/data';
import { unzipSync } from 'fflate';
import { parseNpy, type NumberArray, type TextArray } from './npy.ts';

/**
 * Reads every array of a `.npz` file (a zip of `.npy` files, stored or deflated).
 *
 * @param bytes - The file's bytes.
 * @param file - Its name, for errors.
 * @returns Arrays by name, without the `.npy` ending.
 * @throws InputError if it is no zip or an entry is no readable array.
 */
export function parseNpz(bytes: Uint8Array, file: string): Map<string, NumberArray | TextArray> {
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes);
  } catch (error) {
    throw new InputError(file, undefined, `a .npz file must be a zip archive (${(error as Error).message})`);
  }
  return new Map(
    Object.entries(entries)
      .filter(([name]) => name.endsWith('.npy'))
      .map(([name, content]) => [name.slice(0, -4), parseNpy(content, `${file}!${name}`)]),
  );
}
