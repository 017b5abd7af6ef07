import { tf } from '@ferry/engine';
import { crossEntropy, maskedMean } from '@ferry/nn';
import { z } from 'zod';
import type { Objective, ObjectiveDefinition } from '../contract.ts';
import { type Targets, targetsOf, targetsSchema } from './targets.ts';
import type { Feed, ModelTypes } from '../types.ts';

const options = z.strictObject({
  targets: targetsSchema,
  temperature: z.number().gt(0).default(1).describe('divides the scores'),
});

/** What a step reads. */
type Inputs = Targets<Feed>;

/** Full softmax over the catalogue: cross-entropy of each target among all items. */
export function softmaxObjective<T extends ModelTypes>(): ObjectiveDefinition<T> {
  return {
    description: 'full softmax over the catalogue',
    options,
    create: (settings): Objective<T> => {
      const { targets, temperature } = settings as z.output<typeof options>;
      return {
        examples: targets === 'all' ? 'sequences' : 'prefixes',
        terms: [],
        prepare: (examples, preparation) => ({ inputs: targetsOf(targets, examples, preparation).inputs }),
        loss: (step, inputs) => {
          const { feed, items: numbers, weights } = inputs as Inputs;
          const queries = step.model.queries(step, step.items, feed);
          const candidates = step.model.candidates(step, step.items, 'items');
          const scores = tf.div(step.model.scores(step, queries, candidates), temperature);
          const losses = crossEntropy(scores, tf.sub(numbers, tf.scalar(1, 'int32')));
          return { loss: maskedMean(losses, weights) };
        },
      };
    },
  };
}
