/** User-based nearest neighbours (Resnick et al., CSCW 1994), with binary interactions. */
import { z } from 'zod';
import type { FittedModel } from '../contract.ts';
import { itemsOf } from '../interactions.ts';
import { nearestRows, neighbourModel, type Neighbours, neighbourSettings, turned } from '../neighbours.ts';

const options = z.strictObject({
  ...neighbourSettings,
  reverse: z
    .boolean()
    .default(false)
    .describe(
      'whether those count who have the user among their nearest (as in the code of Elliot), instead of the ' +
        'nearest of the user',
    ),
});

/** Settings of UserKNN. */
export type UserKnnOptions = z.output<typeof options>;

/** UserKNN: an item scores the cosines of those of the user's k nearest users who have it. */
export const userKnn: FittedModel<UserKnnOptions, Neighbours> = {
  ...neighbourModel,
  name: 'user-knn',
  title: 'UserKNN',
  paper: 'Resnick et al.: GroupLens: an open architecture for collaborative filtering of netnews. CSCW 1994',
  options,
  modalities: () => [],
  fit: (settings, { interactions }) => {
    const nearest = nearestRows(interactions, settings);
    return settings.reverse ? turned(nearest, interactions.users) : nearest;
  },
  scorer: (_options, { interactions }, { starts, columns, values }) => ({
    scores: (users, out) => {
      users.forEach((user, b) => {
        const from = b * (interactions.items + 1) + 1;
        for (let e = starts[user]!; e < starts[user + 1]!; e++)
          for (const item of itemsOf(interactions, columns[e]!)) out[from + item]! += values[e]!;
      });
    },
  }),
};
