/** EASE: a linear autoencoder of item-item weights in closed form (Steck, WWW 2019). */
import { easeBaseline, easeMostItems, easeRegularisation, easeWeights } from '@ferry/evaluation';
import { z } from 'zod';
import type { FittedModel } from '../contract.ts';
import { itemsOf, sequencesOf } from '../interactions.ts';
import { fittedAtOnce } from '../objectives.ts';

const options = z.strictObject({
  regularisation: z
    .number()
    .gt(0)
    .default(easeRegularisation)
    .describe('λ: weight of the squared norm of the item-item weights'),
});

/** Settings of EASE. */
export type EaseModelOptions = z.output<typeof options>;

/** Item-item weights B, row after row: what item i of a user adds to the score of item j; [N * N]. */
export interface EaseState {
  /** [N * N] */
  readonly weights: Float32Array;
}

/**
 * EASE: item j scores the weights B_ij of a user's items i; B minimises `|X - XB|² + λ|B|²` with a zero diagonal (eq.
 * 8).
 */
export const ease: FittedModel<EaseModelOptions, EaseState> = {
  kind: 'fitted',
  ...fittedAtOnce,
  name: 'ease',
  title: 'EASE',
  paper: 'Steck: Embarrassingly shallow autoencoders for sparse data. WWW 2019',
  options,
  modalities: () => [],
  fit: async ({ regularisation }, { interactions }) => {
    const { items } = interactions;
    if (items > easeMostItems)
      throw new RangeError(
        `EASE: its weights are as many as the square of the items, of which there can be ${easeMostItems}, got ${items}`,
      );
    return { weights: await easeWeights(sequencesOf(interactions), items, { regularisation }) };
  },
  scorer: (_options, { interactions }, { weights }) => {
    const { items } = interactions;
    const add = easeBaseline(weights, items);
    return {
      scores: (users, out) => {
        users.forEach((user, b) => {
          const own = itemsOf(interactions, user).map((row) => row + 1);
          add(own, out.subarray(b * (items + 1), (b + 1) * (items + 1)));
        });
      },
    };
  },
  save: ({ weights }) => new Map([['weights', { data: weights, shape: [weights.length] }]]),
  load: (arrays) => ({ weights: arrays.get('weights')!.data as Float32Array }),
};
