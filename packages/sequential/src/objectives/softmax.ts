import { blockedCrossEntropy, type BlockInputs, blocksPay, tf } from '@ferry/engine';
import { crossEntropy, maskedMean } from '@ferry/nn';
import { z } from 'zod';
import type { LossStep, Objective, ObjectiveDefinition } from '../contract.ts';
import { adjust, type Adjusted, adjustmentOf, logitAdjustmentSchema } from '../logitAdjustment.ts';
import { type Targets, targetsOf, targetsSchema } from './targets.ts';
import type { Feed, ItemVectors, ModelTypes } from '../types.ts';

const options = (targets: 'all' | 'last') =>
  z.strictObject({
    targets: targetsSchema.unwrap().default(targets).describe(targetsSchema.description!),
    temperature: z.number().gt(0).default(1).describe('divides the scores'),
    logitAdjustment: logitAdjustmentSchema,
  });

/** What {@link catalogueLoss} reads. */
export type CatalogueTargets<F extends Feed> = Targets<F> & Adjusted;

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
      const { targets, temperature, logitAdjustment: weight } = settings as z.output<typeof schema>;
      return {
        examples: targets === 'all' ? 'sequences' : 'prefixes',
        terms: [],
        prepare: (examples, preparation) => {
          const { inputs } = targetsOf(targets, examples, preparation);
          return { inputs: { ...inputs, ...adjustmentOf(weight, preparation.counts) } };
        },
        loss: (step, inputs) => ({
          loss: catalogueLoss(step, inputs as CatalogueTargets<T['feed']>, temperature),
        }),
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
  { feed, items: numbers, weights, adjustment }: CatalogueTargets<T['feed']>,
  temperature: number,
): tf.Scalar {
  const items = step.items();
  const queries = step.model.queries(step, items, feed);
  const plain = (): tf.Tensor2D => {
    const candidates = step.model.candidates(step, items, 'items');
    const logits = tf.div<tf.Tensor2D>(step.model.scores(step, queries, candidates), temperature);
    return adjustment ? adjust(logits, tf.slice(adjustment, [1, 0])) : logits;
  };
  const blocked = step.model.product && blocksPay('softmax', numbers.size, step.count);
  const losses = blocked
    ? blockedCrossEntropy(tf.div(queries.vectors, temperature), {
        tables: [(step.model.candidates(step, items, 'all') as ItemVectors).vectors],
        labels: numbers,
        first: 1,
        ...(adjustment && { constants: [adjustment], logits: adjustedProduct }),
      })
    : crossEntropy(plain(), tf.sub(numbers, tf.scalar(1, 'int32')));
  return maskedMean(losses, weights);
}

/** Adjusted logits of a block of items. */
function adjustedProduct(
  queries: tf.Tensor2D,
  { tables: [vectors], constants: [adjustment], keep }: BlockInputs,
): tf.Tensor2D {
  return adjust(keep(tf.matMul(queries, vectors as tf.Tensor2D, false, true)), adjustment!);
}
