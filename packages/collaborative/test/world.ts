import { targetsByUser, type Domain, type Rows, type Sequences } from '@ferry/data';
import type { FeatureMatrix, Modality } from '@ferry/features';

/** Users and items of the world: who is odd takes odd items, who is even even ones. The last user has nothing. */
export const U = 41;
export const N = 24;
export const F = 6;

/** Item numbers of a user's kind. */
const kind = (user: number): number[] => Array.from({ length: N / 2 }, (_, i) => 2 * i + 1 + (user % 2));

/** A number that looks random. */
const mixed = (a: number, b: number): number =>
  (Math.imul(a * 7919 + b * 104729 + 17, 0x9e3779b1) >>> 8) / 2 ** 24;

function sequencesOf(all: number[][]): Sequences {
  const ends = new Int32Array(all.length);
  all.forEach((items, user) => (ends[user] = (ends[user - 1] ?? 0) + items.length));
  return { items: Int32Array.from(all.flat()), starts: ends.map((_, u) => ends[u - 1] ?? 0), ends };
}

const parts = Array.from({ length: U }, (_, user) => {
  if (user === U - 1) return { train: [], valid: [], test: [] };
  const order = kind(user).sort((a, b) => mixed(user, a) - mixed(user, b));
  return { train: order.slice(0, 6), valid: order.slice(6, 8), test: order.slice(8, 10) };
});

function rowsOf(part: 'valid' | 'test'): Rows {
  const pairs = parts.flatMap((own, user) => own[part].map((item) => [user, item] as const));
  const zeros = new Int32Array(pairs.length);
  return {
    users: Int32Array.from(pairs, ([user]) => user),
    targets: Int32Array.from(pairs, ([, item]) => item),
    items: new Int32Array(0),
    starts: zeros,
    ends: zeros,
  };
}

/** The world's split. */
export const world: Pick<Domain, 'sequences' | 'training' | 'valid' | 'test'> = {
  sequences: sequencesOf(parts.map(({ train, valid, test }) => [...train, ...valid, ...test])),
  training: sequencesOf(parts.map(({ train }) => train)),
  valid: rowsOf('valid'),
  test: rowsOf('test'),
};

/** Users of the test, and their items. */
export const tested = targetsByUser(world.test);

/**
 * Features of items that tell their kind, with noise.
 *
 * @param missing - Numbers of items that lack it.
 */
export function worldFeatures(modality: Modality, count = N, missing: readonly number[] = []): FeatureMatrix {
  const data = new Float32Array(count * F);
  const present = new Uint8Array(count).fill(1);
  for (let i = 0; i < count; i++) {
    if (missing.includes(i + 1)) {
      present[i] = 0;
      continue;
    }
    for (let j = 0; j < F; j++)
      data[i * F + j] =
        (mixed(i + 100, j + (modality === 'text' ? 0 : 50)) - 0.5) * 0.6 + (j % 2 === i % 2 ? 1 : -1);
  }
  return { modality, encoder: 'world', count, width: F, data, present };
}
