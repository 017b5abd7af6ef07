import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@ferry/data';
import { parseNpy } from './npy.ts';

const ending = '.npy';

/**
 * Ids of a folder in Ducho's layout, `<id>.npy` each.
 *
 * @throws InputError if there is no such folder, or no file in it.
 */
export async function vectorIds(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new InputError(
      folder,
      undefined,
      `there must be a folder of .npy files (${(error as Error).message})`,
    );
  });
  const ids = names.filter((name) => name.endsWith(ending)).map((name) => name.slice(0, -ending.length));
  if (ids.length === 0) throw new InputError(folder, undefined, 'there must be an <id>.npy in it, got none');
  return ids.sort();
}

/** Vectors side by side. */
export interface Vectors {
  /** [ids * F] in the order of the ids. */
  readonly data: Float32Array;
  /** F. */
  readonly width: number;
}

/**
 * Reads vectors of a folder in Ducho's layout: `<id>.npy` of shape (1, F) or (F).
 *
 * @throws InputError naming the file that is missing or has another shape.
 */
export async function readVectorFolder(folder: string, ids: readonly string[]): Promise<Vectors> {
  let [data, width, first] = [new Float32Array(0), 0, ''];
  for (const [row, id] of ids.entries()) {
    const file = join(folder, `${id}${ending}`);
    const bytes = await readFile(file).catch((error: unknown) => {
      throw new InputError(
        file,
        undefined,
        `the vector of item ${id} must be there (${(error as Error).message})`,
      );
    });
    const array = parseNpy(bytes, file);
    if (array.kind !== 'numbers')
      throw new InputError(file, undefined, 'a vector must hold numbers, got texts');
    const { shape, data: vector } = array;
    const isVector = shape.length === 1 || (shape.length === 2 && shape[0] === 1);
    if (row === 0) {
      [width, first] = [vector.length, file];
      data = new Float32Array(ids.length * width);
    }
    if (!isVector || vector.length !== width || width === 0)
      throw new InputError(
        file,
        undefined,
        `a vector must have the shape (1, F)${row > 0 ? ` with the F of ${first}, ${width}` : ''}, got ` +
          `(${shape.join(', ')})`,
      );
    data.set(vector, row * width);
  }
  return { data, width };
}
