import { join } from 'node:path';
import type { Rows } from '@ferry/data';
import type { RandomStream } from '@ferry/engine';
import {
  openItemBlocks,
  writeItemBlocks,
  type FeatureMatrix,
  type ItemBlocks,
  type Modality,
} from '@ferry/features';

/** A generator of noise that fills a gigabyte in seconds. */
function noise(modality: Modality): (into: Float32Array) => Float32Array {
  let state = modality === 'text' ? 1 : 2;
  return (into) => {
    for (let i = 0; i < into.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      into[i] = state / 2 ** 32;
    }
    return into;
  };
}

/**
 * Writes such features to a file as float16, without ever holding them whole, and opens it.
 *
 * @param folder - Where the file goes.
 */
export async function storedNoise(
  folder: string,
  modality: Modality,
  count: number,
  width: number,
): Promise<ItemBlocks> {
  const file = join(folder, `${modality}.npy`);
  const fill = noise(modality);
  const blocks = function* (): Generator<Float32Array> {
    for (let from = 0; from < count; from += 4096)
      yield fill(new Float32Array(Math.min(4096, count - from) * width));
  };
  await writeItemBlocks(file, { count, width, type: 'float16' }, blocks());
  return openItemBlocks(file, { present: new Uint8Array(count).fill(1) });
}

/** Features that mean nothing: what a step costs does not depend on their values. */
export function noiseFeatures(modality: Modality, count: number, width: number): FeatureMatrix {
  const data = noise(modality)(new Float32Array(count * width));
  const present = new Uint8Array(count).fill(1);
  return { modality, encoder: 'noise', count, width, data, present };
}

/**
 * Rows of random items.
 *
 * @param random - Draws the items.
 * @param count - How many rows.
 * @param items - N
 * @param length - Of each history.
 */
export function noiseRows(
  random: RandomStream,
  count: number,
  items: number,
  length: (row: number) => number,
): Rows {
  const item = (): number => 1 + random.integer(items);
  const ends = new Int32Array(count);
  let end = 0;
  for (let r = 0; r < count; r++) ends[r] = end += length(r);
  return {
    users: Int32Array.from({ length: count }, (_, i) => i),
    targets: Int32Array.from({ length: count }, item),
    items: Int32Array.from({ length: end }, item),
    starts: ends.map((_, r) => (r === 0 ? 0 : ends[r - 1]!)),
    ends,
  };
}
