/** Item-based nearest neighbours (Sarwar et al., WWW 2001), with binary interactions. */
import { z } from 'zod';
import type { FittedModel } from '../contract.ts';
import { byItem } from '../interactions.ts';
import {
  byOwnItems,
  nearestRows,
  neighbourModel,
  type Neighbours,
  neighbourSettings,
  turned,
} from '../neighbours.ts';

const options = z.strictObject(neighbourSettings);

/** Settings of ItemKNN. */
export type ItemKnnOptions = z.output<typeof options>;

/** ItemKNN: item i scores the cosines of those of its k nearest items that the user has. */
export const itemKnn: FittedModel<ItemKnnOptions, Neighbours> = {
  ...neighbourModel,
  name: 'item-knn',
  title: 'ItemKNN',
  paper: 'Sarwar et al.: Item-based collaborative filtering recommendation algorithms. WWW 2001',
  options,
  modalities: () => [],
  fit: (settings, { interactions }) =>
    turned(nearestRows(byItem(interactions), settings), interactions.items),
  scorer: byOwnItems,
};
