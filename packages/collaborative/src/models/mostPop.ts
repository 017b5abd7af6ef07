/** The most popular items for everybody. */
import { z } from 'zod';
import type { FittedModel } from '../contract.ts';
import { fittedAtOnce } from '../objectives.ts';
import { byItem, itemsOf } from '../interactions.ts';

const options = z.strictObject({});

/** How often each item was taken; [N]. */
export interface Popularity {
  /** [N] */
  readonly counts: Int32Array;
}

/** MostPop: an item scores the users who have it. */
export const mostPop: FittedModel<object, Popularity> = {
  kind: 'fitted',
  ...fittedAtOnce,
  name: 'most-pop',
  title: 'MostPop',
  paper: 'no paper: how many users took an item',
  options,
  modalities: () => [],
  fit: (_options, { interactions }) => {
    const back = byItem(interactions);
    return {
      counts: Int32Array.from({ length: interactions.items }, (_, item) => itemsOf(back, item).length),
    };
  },
  scorer: (_options, _data, { counts }) => ({
    scores: (users, out) => {
      users.forEach((_, b) => {
        out.set(counts, b * (counts.length + 1) + 1);
      });
    },
  }),
  save: ({ counts }) => new Map([['counts', { data: counts, shape: [counts.length] }]]),
  load: (arrays) => ({ counts: arrays.get('counts')!.data as Int32Array }),
};
