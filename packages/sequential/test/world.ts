import type { Rows } from '@ferry/data';
import { RandomStream } from '@ferry/engine';
import type { FeatureMatrix } from '@ferry/features';

/** Features of N items: two kinds of items, told apart by both modalities; every fifth item has no picture. */
export function worldFeatures(
  N: number,
  seed: number,
  width = 6,
): { text: FeatureMatrix; image: FeatureMatrix } {
  const random = RandomStream.fromSeed(seed);
  const make = (modality: 'text' | 'image', lacks: (i: number) => boolean): FeatureMatrix => {
    const data = new Float32Array(N * width);
    const present = new Uint8Array(N);
    for (let i = 0; i < N; i++) {
      if (lacks(i)) continue;
      present[i] = 1;
      for (let f = 0; f < width; f++)
        data[i * width + f] =
          random.normal() * 0.3 + (f === i % 2 ? 2 : 0) + (modality === 'image' && f > 3 ? 1 : 0);
    }
    return { modality, encoder: 'world', count: N, width, data, present };
  };
  return { text: make('text', () => false), image: make('image', (i) => i % 5 === 4) };
}

/** Users who stay with one kind: histories of 1 to 7 items and a target of the same kind. */
export function worldRows(N: number, users: number, seed: number): Rows {
  const random = RandomStream.fromSeed(seed);
  const items: number[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  const targets: number[] = [];
  const pick = (kind: number): number => 1 + kind + 2 * random.integer(Math.floor(N / 2));
  for (let u = 0; u < users; u++) {
    const kind = u % 2;
    starts.push(items.length);
    for (let l = 0; l <= random.integer(7); l++) items.push(pick(kind));
    ends.push(items.length);
    targets.push(pick(kind));
  }
  return {
    users: Int32Array.from({ length: users }, (_, u) => u),
    items: Int32Array.from(items),
    starts: Int32Array.from(starts),
    ends: Int32Array.from(ends),
    targets: Int32Array.from(targets),
  };
}
