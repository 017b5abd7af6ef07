/**
 * Nearest neighbours by the items' features instead of by their users: content alone, with the same rule as ItemKNN.
 */
import { tf } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';
import { z } from 'zod';
import type { FittedModel } from '../contract.ts';
import {
  byOwnItems,
  NeighbourList,
  neighbourModel,
  type Neighbours,
  neighbourSettings,
  turned,
} from '../neighbours.ts';
import { modalities } from '../projection.ts';

const options = z.strictObject({ neighbours: neighbourSettings.neighbours });

/** Settings of AttributeItemKNN. */
export type AttributeItemKnnOptions = z.output<typeof options>;

/** Items whose cosines are computed at once. */
const BLOCK = 512;

/** Features of length 1, those of several modalities side by side, so that products are mean cosines; [N, F]. */
function unitFeatures(features: Readonly<Partial<Record<Modality, FeatureMatrix>>>): {
  data: Float32Array;
  count: number;
  width: number;
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
  return { data, count, width };
}

/** AttributeItemKNN: item i scores the cosines, of features, of those of its k nearest items that the user has. */
export const attributeItemKnn: FittedModel<AttributeItemKnnOptions, Neighbours> = {
  ...neighbourModel,
  name: 'attribute-item-knn',
  title: 'AttributeItemKNN',
  paper:
    'Gantner et al.: Learning attribute-to-feature mappings for cold-start recommendations. ICDM 2010 (its baseline)',
  options,
  modalities: () => modalities,
  fit: async ({ neighbours: k }, { features }) => {
    const { data, count, width } = unitFeatures(features);
    const all = tf.tensor2d(data, [count, width]);
    const list = new NeighbourList();
    for (let from = 0; from < count; from += BLOCK) {
      const size = Math.min(BLOCK, count - from);
      const products = tf.tidy(() => tf.matMul(tf.slice(all, [from, 0], [size, width]), all, false, true));
      const cosines = await products.data();
      products.dispose();
      for (let i = 0; i < size; i++) {
        const candidates: [number, number][] = [];
        for (let j = 0; j < count; j++) if (j !== from + i) candidates.push([j, cosines[i * count + j]!]);
        list.push(candidates, k);
      }
    }
    all.dispose();
    return turned(list.build(), count);
  },
  scorer: byOwnItems,
};
