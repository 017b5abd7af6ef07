import { tf } from '@ferry/engine';
import { maskedMean } from '@ferry/nn';
import { z } from 'zod';
import type { Objective, ObjectiveDefinition } from '../contract.ts';
import { bprMax } from '../bprMax.ts';
import type { Feed, ModelTypes } from '../types.ts';
import { type Targets, targetsOf, targetsSchema } from './targets.ts';

const options = z.strictObject({
  targets: targetsSchema,
  negatives: z
    .int()
    .min(0)
    .default(2048)
    .describe('negatives that all targets of a batch share, drawn by popularity'),
  power: z
    .number()
    .min(0)
    .max(1)
    .default(0.75)
    .describe('they are drawn by training interactions to this power: 0 = uniformly, 1 = as they occur'),
  batch: z
    .boolean()
    .default(true)
    .describe("whether the batch's targets are negatives of one another as well"),
  regulariser: z
    .number()
    .min(0)
    .default(1)
    .describe('weight of the squared scores of negatives, each counted by its softmax'),
});

/** What a step reads. */
type Inputs = Targets<Feed> & {
  /** int32 [K] */
  negatives?: tf.Tensor;
};

/**
 * BPR-max (Hidasi and Karatzoglou, CIKM 2018) with the negatives of GRU4Rec: the other targets of the batch, and items
 * drawn by popularity for all of them. Differences from the authors' code: columns of a row's own item are no negatives
 * wherever they stand, and scores pass no last activation.
 */
export function bprMaxObjective<T extends ModelTypes>(): ObjectiveDefinition<T> {
  return {
    description: 'BPR-max with the targets of the batch and popular items as negatives',
    options,
    create: (settings): Objective<T> => {
      const { targets, negatives: K, power, batch, regulariser } = settings as z.output<typeof options>;
      if (K === 0 && !batch)
        throw new RangeError('bpr-max: there must be negatives, got negatives 0 and batch false');
      let cumulative: Float64Array | undefined;
      return {
        examples: targets === 'all' ? 'sequences' : 'prefixes',
        terms: [],
        prepare: (examples, preparation) => {
          const { inputs } = targetsOf(targets, examples, preparation);
          if (K === 0) return { inputs };
          cumulative ??= cumulativeShares(preparation.counts(), power);
          const drawn = Int32Array.from({ length: K }, () =>
            placeOf(cumulative!, preparation.random.uniform()),
          );
          return { inputs: { ...inputs, negatives: tf.tensor1d(drawn, 'int32') } };
        },
        loss: (step, given) => {
          const { feed, items: own, weights, negatives } = given as Inputs;
          const { model } = step;
          const R = own.size;
          const queries = model.queries(step, step.items(), feed);
          const columns = negatives ? tf.concat([own, negatives]) : own;
          const scores = model.scores(step, queries, model.candidates(step, step.items(), columns));
          const C = columns.size;
          const places = tf.reshape(tf.range(0, C, 1, 'int32'), [1, C]);
          const target = tf.reshape(own, [R, 1]);
          const positive = model.scores(step, queries, model.candidates(step, step.items(), target));
          const same = tf.equal(tf.reshape(columns, [1, C]), target);
          const out = batch ? same : tf.logicalOr(same, tf.less(places, tf.scalar(R, 'int32')));
          // Copies that fill up the rows are no negatives.
          const copies = weights && tf.concat([tf.equal(weights, 0), tf.zeros([C - R], 'bool')]);
          const excluded = copies ? tf.logicalOr(out, tf.reshape(copies, [1, C])) : out;
          return { loss: maskedMean(bprMax(positive, scores, excluded, regulariser), weights) };
        },
      };
    },
  };
}

/** Shares of items 1..N by their counts to some power, added up; index 0 is 0. */
function cumulativeShares(counts: Float64Array, power: number): Float64Array {
  const sums = new Float64Array(counts.length);
  for (let item = 1; item < counts.length; item++) sums[item] = sums[item - 1]! + counts[item]! ** power;
  const total = sums.at(-1)!;
  return sums.map((sum) => sum / total);
}

/** The first item whose cumulative share is above x. */
function placeOf(cumulative: Float64Array, x: number): number {
  let [low, high] = [1, cumulative.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle]! > x) high = middle;
    else low = middle + 1;
  }
  return low;
}
