import type { Sequences } from '@ferry/data';
import type { Baseline } from './baselines.ts';
import { invertPanels, panelsOf, type Panels } from './symmetricInverse.ts';

/** λ of EASE unless someone says: what RecBole's defaults have. */
export const easeRegularisation = 250;

/** The largest catalogue that EASE is made for: its weights are as many as the square. */
export const easeMostItems = 20_000;

/** Settings of {@link easeWeights}. */
export interface EaseOptions {
  /** Weight of the squared norm of the item-item weights: Steck's λ. */
  regularisation: number;
  /** Rows of a block of the inverse. Default 512. */
  block?: number;
}

/** Counts of users who took both of two items, the diagonal raised by λ: X'X + λI, as panels. */
function gram(training: Sequences, count: number, { regularisation, block }: Required<EaseOptions>): Panels {
  const panels = panelsOf(count, block);
  const at = (i: number, j: number): void => {
    const { data, width } = panels.rows[Math.floor(i / block)]!;
    data[(i % block) * width + j]!++;
  };
  for (const [user, start] of training.starts.entries()) {
    const own = [...new Set(training.items.subarray(start, training.ends[user]))].sort((a, b) => a - b);
    own.forEach((item, n) => {
      for (let other = 0; other <= n; other++) at(item - 1, own[other]! - 1);
    });
  }
  for (let i = 0; i < count; i++) {
    const { data, width } = panels.rows[Math.floor(i / block)]!;
    data[(i % block) * width + i]! += regularisation;
  }
  return panels;
}

/**
 * The weights of EASE (Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data", eq. 8): of all item-item
 * weights B with a zero diagonal, those that minimise |X - XB|² + λ|B|², X being which user took which item. With P =
 * (X'X + λI)⁻¹, B_ij = -P_ij / P_jj. The inverse is made in blocks by whatever backend is chosen; the time grows with
 * N³, the memory with 6 N² bytes.
 *
 * @param training - Each user's training items; repetitions count once.
 * @param count - N.
 * @returns B, row after row: entry (i - 1) * N + (j - 1) is what item i in a history adds to the score of item j; [N * N].
 * @throws RangeError unless λ is above 0.
 */
export async function easeWeights(
  training: Sequences,
  count: number,
  { regularisation, block = 512 }: EaseOptions,
): Promise<Float32Array> {
  if (!(regularisation > 0))
    throw new RangeError(`easeWeights: regularisation must be above 0, got ${regularisation}`);
  const panels = gram(training, count, { regularisation, block });
  await invertPanels(panels);
  const weights = new Float32Array(count * count);
  panels.rows.forEach(({ data, width }, r) => {
    for (let i = r * block; i < Math.min(count, (r + 1) * block); i++) {
      const row = data.subarray((i % block) * width, (i % block) * width + i + 1);
      for (let j = 0; j <= i; j++) {
        weights[i * count + j] = row[j]!;
        weights[j * count + i] = row[j]!;
      }
    }
  });
  const diagonal = Float32Array.from({ length: count }, (_, j) => weights[j * count + j]!);
  for (let i = 0; i < count; i++) {
    const row = weights.subarray(i * count, (i + 1) * count);
    for (let j = 0; j < count; j++) row[j] = -row[j]! / diagonal[j]!;
    row[i] = 0;
  }
  return weights;
}

/** Scores items by the weights of EASE, summed over the distinct items of the history. */
export function easeBaseline(weights: Float32Array, count: number): Baseline {
  return (history, scores) => {
    for (const item of new Set(history)) {
      const row = weights.subarray((item - 1) * count, item * count);
      for (let j = 0; j < count; j++) scores[j + 1]! += row[j]!;
    }
  };
}
