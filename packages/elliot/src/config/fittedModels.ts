import { z } from 'zod';
import { type ElliotModel, model } from './model.ts';
import { count, float, least0, numeric, only, positive } from './parameters.ts';

const implicit = only(
  [true],
  "without it Elliot weighs by ratings, which Ferry's neighbours do not: set implicit: True",
);

const neighbours = (name: 'ItemKNN' | 'UserKNN', own: string): ElliotModel =>
  model({
    name,
    trained: false,
    parameters: z.strictObject({
      neighbors: count.default(40),
      similarity: only(['cosine'], 'other similarities are not supported').default('cosine'),
      implementation: z.enum(['standard', 'classical', 'aiolli']).default('standard'),
      implicit,
      shrink: least0.default(0),
      normalize: only([true], 'products without norms are not supported').default(true),
    }),
    // Elliot's standard implementation counts each row among its own neighbours; shrink is read by the other one alone.
    recipe: ({ neighbors, implementation, shrink }) => ({
      model: {
        name: own,
        // Its user-based code sums over those who have the user among their nearest.
        ...(own === 'user-knn' && { reverse: true }),
        neighbours: implementation === 'aiolli' ? neighbors : Math.max(1, neighbors - 1),
        shrink: implementation === 'aiolli' ? shrink : 0,
      },
      modalities: [],
    }),
    shortcuts: [
      ['neighbors', 'nn'],
      ['similarity', 'sim'],
      ['implementation', 'imp'],
      ['implicit', 'bin', () => 'True'],
      ['shrink', 'shrink'],
      ['normalize', 'norm', () => 'True'],
    ],
  });

/** Models that are counted or solved at once, by Elliot's names. */
export const fittedModels: Readonly<Record<string, ElliotModel>> = {
  MostPop: model({
    name: 'MostPop',
    trained: false,
    parameters: z.strictObject({}),
    recipe: () => ({ model: { name: 'most-pop' }, modalities: [] }),
    shortcuts: [],
  }),
  Random: model({
    name: 'Random',
    trained: false,
    parameters: z.strictObject({ random_seed: numeric(z.int().min(0)).default(42) }),
    recipe: ({ random_seed: seed }) => ({ model: { name: 'random' }, modalities: [], seed }),
    shortcuts: [['random_seed', 'seed']],
  }),
  ItemKNN: neighbours('ItemKNN', 'item-knn'),
  UserKNN: neighbours('UserKNN', 'user-knn'),
  EASER: model({
    name: 'EASER',
    trained: false,
    parameters: z.strictObject({
      neighborhood: only([-1], 'only all items can be neighbours').default(-1),
      l2_norm: positive.default(1000),
    }),
    recipe: ({ l2_norm: regularisation }) => ({ model: { name: 'ease', regularisation }, modalities: [] }),
    shortcuts: [
      ['neighborhood', 'neighborhood'],
      ['l2_norm', 'l2_norm', float],
    ],
  }),
};
