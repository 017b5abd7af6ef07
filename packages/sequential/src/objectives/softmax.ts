import { blockedCrossEntropy, blocksPay, tf } from '@ferry/engine';
import { crossEntropy, maskedMean } from '@ferry/nn';
import { z } from 'zod';
import type { LossStep, Objective, ObjectiveDefinition } from '../contract.ts';
import { type Targets, targetsOf, targetsSchema } from './targets.ts';
import type { Feed, ItemVectors, ModelTypes } from '../types.ts';

const options = (targets: 'all' | 'last') =>
  z.strictObject({
    targets: targetsSchema.unwrap().default(targets).describe(targetsSchema.description!),
    temperature: z.number().gt(0).default(1).describe('divides the scores'),
  });

/** What a step reads. */
type Inputs = Targets<Feed>;

/**
 * Full softmax over the catalogue: cross-entropy of each target among all items. Where a model's scores are inner
 * products and there are many, they are made in blocks of items and never whole.
 *
 * @param usual - The targets where a recipe does not say.
 */
export function softmaxObjective<T extends ModelTypes>(
  usual: 'all' | 'last' = 'all',
): ObjectiveDefinition<T> {
  const schema = options(usual);
  return {
    description: 'full softmax over the catalogue',
    options: schema,
    create: (settings): Objective<T> => {
      const { targets, temperature } = settings as z.output<typeof schema>;
      return {
        examples: targets === 'all' ? 'sequences' : 'prefixes',
        terms: [],
        prepare: (examples, preparation) => ({ inputs: targetsOf(targets, examples, preparation).inputs }),
        loss: (step, inputs) => ({ loss: catalogueLoss(step, inputs as Inputs, temperature) }),
      };
    },
  };
}

/**
 * Mean cross-entropy of targets among all items, inside a step.
 *
 * @param step - The step.
 * @param targets - A feed and the item that each vector it reads is to find.
 * @param temperature - Divides the scores.
 */
export function catalogueLoss<T extends ModelTypes>(
  step: LossStep<T>,
  { feed, items: numbers, weights }: Targets<T['feed']>,
  temperature: number,
): tf.Scalar {
  const items = step.items();
  const queries = step.model.queries(step, items, feed);
  const blocked = step.model.product && blocksPay('softmax', numbers.size, step.count);
  const losses = blocked
    ? blockedCrossEntropy(tf.div(queries.vectors, temperature), {
        tables: [(step.model.candidates(step, items, 'all') as ItemVectors).vectors],
        labels: numbers,
        first: 1,
      })
    : crossEntropy(
        tf.div(step.model.scores(step, queries, step.model.candidates(step, items, 'items')), temperature),
        tf.sub(numbers, tf.scalar(1, 'int32')),
      );
  return maskedMean(losses, weights);
}
