/** Item-based nearest neighbours (Sarwar et al., WWW 2001), with binary interactions. */
import { z } from 'zod';
import type { FittedModel } from '../contract.ts';
import { fittedAtOnce } from '../objectives.ts';
import { byItem, itemsOf } from '../interactions.ts';
import {
  addNeighbours,
  loadNeighbours,
  nearestRows,
  type Neighbours,
  neighbourSettings,
  saveNeighbours,
  turned,
} from '../neighbours.ts';

const options = z.strictObject(neighbourSettings);

/** Settings of ItemKNN. */
export type ItemKnnOptions = z.output<typeof options>;

/** ItemKNN: item i scores the cosines of those of its k nearest items that the user has. */
export const itemKnn: FittedModel<ItemKnnOptions, Neighbours> = {
  kind: 'fitted',
  ...fittedAtOnce,
  name: 'item-knn',
  title: 'ItemKNN',
  paper: 'Sarwar et al.: Item-based collaborative filtering recommendation algorithms. WWW 2001',
  options,
  modalities: () => [],
  fit: (settings, { interactions }) =>
    turned(nearestRows(byItem(interactions), settings), interactions.items),
  scorer: (_options, { interactions }, state) => ({
    scores: (users, out) => {
      users.forEach((user, b) => {
        addNeighbours(itemsOf(interactions, user), state, out, b * (interactions.items + 1) + 1);
      });
    },
  }),
  save: saveNeighbours,
  load: loadNeighbours,
};
