import { embedding, tf } from '@ferry/engine';
import { inBatchSoftmax, maskedMean } from '@ferry/nn';
import { z } from 'zod';
import type { Objective, ObjectiveDefinition } from '../contract.ts';
import { distinctItems, readPositions } from '../feeds.ts';
import { roundedUp } from '../groups.ts';
import type { Feed, FeedGroup, ModelTypes } from '../types.ts';

const options = z.strictObject({
  debiased: z
    .boolean()
    .default(true)
    .describe("whether each item's log share of the training interactions is taken off its scores"),
});

/** The items of a batch as columns of its score matrix. */
export interface BatchColumns {
  /** The items of example after example, each with its target behind; then 0. Int32 [C]. */
  items: Int32Array;
  /** Where each example's columns begin. Int32 [B]. */
  starts: Int32Array;
  /** 1 where a column is no negative of an example: its item is in the example, or it is empty. Float32 [B * C]. */
  excluded: Float32Array;
}

/** The columns of a batch in groups; their number is rounded up, so that shapes of compiled steps stay few. */
export function batchColumns(groups: readonly FeedGroup[], targets: Int32Array): BatchColumns {
  const lists = groups.flatMap(({ length, history, lengths }) =>
    Array.from(lengths, (own, b) => history.subarray(b * length, b * length + own)),
  );
  const count = lists.reduce((sum, list) => sum + list.length + 1, 0);
  const items = new Int32Array(roundedUp(count));
  const starts = new Int32Array(lists.length);
  const places = new Map<number, number[]>();
  let at = 0;
  lists.forEach((list, b) => {
    starts[b] = at;
    for (const item of [...list, targets[b]!]) {
      const known = places.get(item);
      if (known) known.push(at);
      else places.set(item, [at]);
      items[at++] = item;
    }
  });
  const C = items.length;
  const excluded = new Float32Array(lists.length * C);
  lists.forEach((list, b) => {
    for (const item of [...list, targets[b]!])
      for (const column of places.get(item)!) excluded[b * C + column] = 1;
    excluded.fill(1, b * C + count, (b + 1) * C);
  });
  return { items, starts, excluded };
}

/** What a step reads. */
type Inputs = {
  feed: Feed;
  /** int32 [C]: rows of the item tables. */
  columns: tf.Tensor;
  /** int32 [S]: the column of each position's target. */
  targets: tf.Tensor;
  /** int32 [S]: the example of each position. */
  examples: tf.Tensor;
  /** [S], 1 for a position that counts. */
  weights: tf.Tensor;
  /** [B, C] */
  excluded: tf.Tensor;
  /** [C], log shares. */
  logPopularity?: tf.Tensor | undefined;
};

/**
 * In-batch debiased cross-entropy (Yi et al. 2019 with the masks of IDvs.MoRec): the negatives of a position are the items of all sequences of the
 * batch, repeats included, but those that occur in its own sequence. Only the batch's items pass the towers.
 */
export function inBatchObjective<T extends ModelTypes>(): ObjectiveDefinition<T> {
  return {
    description: 'softmax over the items of the batch, corrected for their popularity',
    options,
    create: (settings): Objective<T> => {
      const { debiased } = settings as z.output<typeof options>;
      return {
        examples: 'sequences',
        terms: [],
        prepare: (examples, preparation) => {
          const { groups, targets } = preparation.group(examples);
          const read = readPositions(groups, targets);
          const { items, starts, excluded } = batchColumns(groups, targets);
          const { numbers, rowOf } = distinctItems([items], preparation.items);
          const shares = logShares(items, preparation.counts());
          const inputs: Inputs = {
            feed: preparation.feed(groups, { rowOf: (item) => rowOf[item]!, read: read.read }),
            columns: tf.tensor1d(
              items.map((item) => rowOf[item]!),
              'int32',
            ),
            targets: tf.tensor1d(targetColumns(read.examples, starts), 'int32'),
            examples: tf.tensor1d(read.examples, 'int32'),
            weights: tf.tensor1d(read.weights),
            excluded: tf.tensor2d(excluded, [starts.length, items.length]),
            ...(debiased && { logPopularity: tf.tensor1d(shares) }),
          };
          return { inputs, numbers };
        },
        loss: (step, given) => {
          const { feed, columns, targets, examples, weights, excluded, logPopularity } = given as Inputs;
          const queries = step.model.queries(step, step.items(), feed);
          const candidates = step.model.candidates(step, step.items(), columns);
          const scores = step.model.scores(step, queries, candidates);
          const own = embedding(excluded, examples); // [S, C]
          const losses = inBatchSoftmax(scores, targets, { excluded: own, logPopularity });
          return { loss: maskedMean(losses, weights) };
        },
      };
    },
  };
}

/** Log of each column's share of all training interactions; 0 for an empty column. */
function logShares(items: Int32Array, counts: Float64Array): Float32Array {
  const total = counts.reduce((a, b) => a + b, 0);
  return Float32Array.from(items, (item) => (item === 0 ? 0 : Math.log(counts[item]! / total)));
}

/** The column of each position's target: the one after the position's own. */
function targetColumns(examples: Int32Array, starts: Int32Array): Int32Array {
  let before = -1;
  let at = 0;
  return examples.map((example) => {
    at = example === before ? at + 1 : 1;
    before = example;
    return starts[example]! + at;
  });
}
