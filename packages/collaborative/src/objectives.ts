import type { RowRoles } from '@ferry/training';
import { z } from 'zod';
import type { Definition, TrainedModel } from './contract.ts';
import type { Sampling } from './sampler.ts';

/** What an objective on triples is told: how they are drawn, what moves the weights, and how the learning rate falls. */
export interface TripleObjective extends Sampling {
  /** `lazy-adam` moves the rows that a step read, and no others. Default `adam`. */
  optimizer?: 'adam' | 'lazy-adam';
  /** Epoch e, from 0, is trained with `factor^(e / epochs)` times the learning rate. Default: it stays. */
  decay?: { factor: number; epochs: number };
}

/** What the rows of weights stand for: a name means the same in all models on triples. */
const rows: RowRoles = {
  'users.weight': { fixed: 0, kinds: ['users'] },
  'tastes.weight': { fixed: 0, kinds: ['users'] },
  'items.weight': { fixed: 0, kinds: ['items'] },
  bias: { fixed: 0, kinds: ['items'] },
  'features.*': { fixed: 0, kinds: ['items'] },
  'nodes.weight': { fixed: 0, kinds: ['users', 'items'] },
};

/**
 * Objectives and roles of weights of a model that is trained on triples, drawn like this unless the recipe says
 * otherwise.
 *
 * @param defaults - How triples are drawn; `tables`: names of the weights that the loss reads by their rows alone, so that
 *   lazy Adam can move them.
 */
export function trainedOnTriples({
  over,
  negatives,
  tables = [],
}: Sampling & Pick<TrainedModel, 'tables'>): Pick<TrainedModel, 'objectives' | 'weights' | 'tables'> {
  const options = z.strictObject({
    over: z
      .enum(['interactions', 'users'])
      .default(over)
      .describe(
        'triples of an epoch: every interaction once, or as many random users, each with one of its items',
      ),
    negatives: z
      .enum(['uniform', 'popularity'])
      .default(negatives)
      .describe('items that the user has not: every one alike, or by their training interactions'),
    decay: z
      .strictObject({
        factor: z.number().gt(0).max(1).describe('what is left of the learning rate after so many epochs'),
        epochs: z.int().min(1).describe('the epochs'),
      })
      .optional()
      .describe('the learning rate falls evenly from epoch to epoch; default: it stays'),
    ...(tables.length > 0 && {
      optimizer: z
        .enum(['adam', 'lazy-adam'])
        .optional()
        .describe(
          'lazy-adam (torch.optim.SparseAdam): rows that a step does not read stay as they are; no weight decay, no ' +
            'clipping; default adam',
        ),
    }),
  });
  return {
    objectives: {
      bpr: {
        description: 'an item of the user above one that is not, Bayesian personalised ranking',
        options,
      },
    },
    weights: { tune: {}, rows },
    tables,
  };
}

/** The same of a model that is counted or solved at once. */
export const fittedAtOnce: Pick<Definition<object>, 'objectives' | 'weights'> = {
  objectives: {
    fit: { description: 'counted or solved at once: one epoch, no gradient', options: z.strictObject({}) },
  },
  weights: { tune: {}, rows: {} },
};

/** What a model is trained by, where a recipe says no more than `settings`. */
export function objectiveOf(
  { objectives }: Pick<Definition<object>, 'objectives'>,
  settings: object = {},
): TripleObjective {
  return Object.values(objectives)[0]!.options.parse(settings) as TripleObjective;
}
