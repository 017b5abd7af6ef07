import { z } from 'zod';
import type { Definition } from './contract.ts';
import type { Sampling } from './sampler.ts';

/**
 * Objectives and roles of weights of a model that is trained on triples, drawn like this unless the recipe says
 * otherwise.
 */
export function trainedOnTriples({
  over,
  negatives,
}: Sampling): Pick<Definition<object>, 'objectives' | 'weights'> {
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
  });
  return {
    objectives: {
      bpr: {
        description: 'an item of the user above one that is not, Bayesian personalised ranking',
        options,
      },
    },
    weights: { tune: {} },
  };
}

/** The same of a model that is counted or solved at once. */
export const fittedAtOnce: Pick<Definition<object>, 'objectives' | 'weights'> = {
  objectives: {
    fit: { description: 'counted or solved at once: one epoch, no gradient', options: z.strictObject({}) },
  },
  weights: { tune: {} },
};

/** How triples are drawn by a model unless a recipe says otherwise. */
export function samplingOf(
  { objectives }: Pick<Definition<object>, 'objectives'>,
  settings: object = {},
): Sampling {
  return Object.values(objectives)[0]!.options.parse(settings) as Sampling;
}
