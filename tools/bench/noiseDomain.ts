import type { Rows } from '@ferry/data';
import type { RandomStream } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';

/** Features that mean nothing: what a step costs does not depend on their values. */
export function noiseFeatures(modality: Modality, count: number, width: number): FeatureMatrix {
  const data = new Float32Array(count * width);
  // A generator that fills a gigabyte in seconds.
  let state = modality === 'text' ? 1 : 2;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    data[i] = state / 2 ** 32;
  }
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
