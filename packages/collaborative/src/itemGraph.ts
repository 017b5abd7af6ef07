/** Items by their features: the nearest of each, and the graph of them that FREEDOM freezes. */
import { type SparseEntries, tf } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';
import { NeighbourList, type Neighbours } from './neighbours.ts';
import { modalities } from './projection.ts';

/** Features by modality. */
type Features = Readonly<Partial<Record<Modality, FeatureMatrix>>>;

/** Cosines that are computed at once. */
const BLOCK_COSINES = 2 ** 22;

/**
 * Features of length 1, those of several modalities side by side, so that products are mean cosines; [N, F]. And which
 * items have any.
 */
function unitFeatures(features: Features): {
  data: Float32Array;
  count: number;
  width: number;
  present: boolean[];
} {
  const own = modalities.flatMap((modality) => features[modality] ?? []);
  const count = own[0]!.count;
  const width = own.reduce((sum, each) => sum + each.width, 0);
  const data = new Float32Array(count * width);
  for (let i = 0; i < count; i++) {
    const present = own.reduce((sum, each) => sum + each.present[i]!, 0);
    let at = i * width;
    for (const { data: values, width: F } of own) {
      const row = values.subarray(i * F, (i + 1) * F);
      const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) * present);
      if (norm > 0) for (let j = 0; j < F; j++) data[at + j] = row[j]! / norm;
      at += F;
    }
  }
  const present = Array.from({ length: count }, (_, i) => own.some((each) => each.present[i] === 1));
  return { data, count, width, present };
}

/**
 * The k nearest items of each by the cosine of their features, of several modalities by the mean of their cosines; ties by
 * number. Items without features are neighbours of none and have none.
 *
 * @param rule - `self`: whether an item is one of its own; `above`: what the cosine must be above.
 */
export function nearestByFeatures(
  features: Features,
  k: number,
  { self, above }: { self: boolean; above: number },
): Neighbours {
  const { data, count, width, present } = unitFeatures(features);
  const list = new NeighbourList(k, above);
  const all = tf.tensor2d(data, [count, width]);
  const block = Math.max(1, Math.floor(BLOCK_COSINES / count));
  for (let from = 0; from < count; from += block) {
    const size = Math.min(block, count - from);
    const product = tf.tidy(() => tf.matMul(tf.slice(all, [from, 0], [size, width]), all, false, true));
    const cosines = product.dataSync();
    product.dispose();
    for (let i = 0; i < size; i++) {
      for (let j = 0; present[from + i] && j < count; j++)
        if (present[j] && (self || j !== from + i)) list.offer(j, cosines[i * count + j]!);
      list.endRow();
    }
  }
  all.dispose();
  return list.build();
}

/**
 * The frozen graph of items of FREEDOM (Zhou and Shen 2023, eq. 1 to 4): of each modality the k nearest, an item itself
 * among them, every one with weight 1, normalised by `D^-½ S D^-½`, D being the numbers of neighbours; and the mean of the
 * modalities by their shares.
 *
 * @param share - Of pictures, where there are pictures and texts.
 * @returns [N, N]
 */
export function itemGraph(
  features: Features,
  { neighbours: k, imageShare: share }: { neighbours: number; imageShare: number },
): SparseEntries {
  const own = modalities.filter((modality) => features[modality] !== undefined);
  const shares = own.length === 1 ? [1] : [share, 1 - share];
  const graphs = own.map((modality) =>
    nearestByFeatures({ [modality]: features[modality]! }, k, { self: true, above: -Infinity }),
  );
  const N = features[own[0]!]!.count;
  const starts = new Int32Array(N + 1);
  const [columns, values]: [number[], number[]] = [[], []];
  for (let item = 0; item < N; item++) {
    const row = new Map<number, number>();
    for (const [m, { starts: from, columns: near }] of graphs.entries()) {
      const size = (i: number): number => from[i + 1]! - from[i]!;
      for (let e = from[item]!; e < from[item + 1]!; e++) {
        const value = shares[m]! / Math.sqrt(size(item) * size(near[e]!));
        row.set(near[e]!, (row.get(near[e]!) ?? 0) + value);
      }
    }
    for (const [column, value] of [...row].sort(([a], [b]) => a - b)) {
      columns.push(column);
      values.push(value);
    }
    starts[item + 1] = columns.length;
  }
  return {
    shape: [N, N],
    starts,
    columns: Int32Array.from(columns),
    values: Float32Array.from(values),
  };
}
