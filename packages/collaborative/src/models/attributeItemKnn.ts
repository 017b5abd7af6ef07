/**
 * Nearest neighbours by the items' features instead of by their users: content alone, with the same rule as ItemKNN.
 */
import { z } from 'zod';
import type { FittedModel } from '../contract.ts';
import { nearestByFeatures } from '../itemGraph.ts';
import { byOwnItems, neighbourModel, type Neighbours, neighbourSettings, turned } from '../neighbours.ts';
import { modalities } from '../projection.ts';

const options = z.strictObject({ neighbours: neighbourSettings.neighbours });

/** Settings of AttributeItemKNN. */
export type AttributeItemKnnOptions = z.output<typeof options>;

/** AttributeItemKNN: item i scores the cosines, of features, of those of its k nearest items that the user has. */
export const attributeItemKnn: FittedModel<AttributeItemKnnOptions, Neighbours> = {
  ...neighbourModel,
  name: 'attribute-item-knn',
  title: 'AttributeItemKNN',
  paper:
    'Gantner et al.: Learning attribute-to-feature mappings for cold-start recommendations. ICDM 2010 (its baseline)',
  options,
  modalities: () => modalities,
  fit: ({ neighbours }, { features }) =>
    turned(
      nearestByFeatures(features, neighbours, { self: false, above: 0 }),
      Object.values(features)[0]!.count,
    ),
  scorer: byOwnItems,
};
