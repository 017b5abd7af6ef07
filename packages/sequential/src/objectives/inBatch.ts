import { embedding, tf } from '@ferry/engine';
import { inBatchSoftmax, maskedMean } from '@ferry/nn';
import { z } from 'zod';
import type { Objective, ObjectiveDefinition } from '../contract.ts';
import { distinctItems, readPositions } from '../feeds.ts';
import { roundedUp } from '../groups.ts';
import { targetsSchema } from './targets.ts';
import type { Feed, FeedGroup, ModelTypes } from '../types.ts';

const options = z.strictObject({
  targets: targetsSchema.describe(
    'all: an example is a sequence, each of whose items but the first is a target, and all of whose items are columns; ' +
      'last: an example is a pair of a prefix and the item after it, and the targets of the batch are the columns',
  ),
  debiased: z
    .boolean()
    .default(true)
    .describe("whether each item's log share of the training interactions is taken off its scores"),
});

/** The items of a batch as columns of its score matrix. */
export interface BatchColumns {
  /** The items of example after example; then 0. Int32 [C]. */
  items: Int32Array;
  /** Where each example's columns begin. Int32 [B]. */
  starts: Int32Array;
  /** 1 where a column is no negative of an example: the item is its own, or the column is empty. Float32 [B * C]. */
  excluded: Float32Array;
}

/**
 * The columns of a batch; their number is rounded up, so that shapes of compiled steps stay few.
 *
 * @param lists - The items that each example brings in.
 * @param own - Items that are no negatives of example b.
 */
export function batchColumns(
  lists: readonly Iterable<number>[],
  own: (example: number) => Iterable<number>,
): BatchColumns {
  const starts = new Int32Array(lists.length);
  const all: number[] = [];
  const places = new Map<number, number[]>();
  lists.forEach((list, b) => {
    starts[b] = all.length;
    for (const item of list) {
      const known = places.get(item);
      if (known) known.push(all.length);
      else places.set(item, [all.length]);
      all.push(item);
    }
  });
  const items = new Int32Array(roundedUp(all.length));
  items.set(all);
  const C = items.length;
  const excluded = new Float32Array(lists.length * C);
  lists.forEach((_, b) => {
    for (const item of own(b)) for (const column of places.get(item) ?? []) excluded[b * C + column] = 1;
    excluded.fill(1, b * C + all.length, (b + 1) * C);
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
  /** int32 [S]: the example of each position; absent where each example has one. */
  examples?: tf.Tensor;
  /** [S], 1 for a position that counts; absent where all do. */
  weights?: tf.Tensor;
  /** [B, C] */
  excluded: tf.Tensor;
  /** [C], log shares. */
  logPopularity?: tf.Tensor;
};

/**
 * In-batch debiased cross-entropy (Yi et al. 2019, eq. 3 and 5, with the masks of IDvs.MoRec): the negatives of a
 * position are the items of all sequences of the batch, repeats included, but those its own user has in training. Only
 * the batch's items pass the towers. With several sources, whose users are not told apart, "own" are the items of the
 * example.
 */
export function inBatchObjective<T extends ModelTypes>(): ObjectiveDefinition<T> {
  return {
    description: 'softmax over the items of the batch, corrected for their popularity',
    options,
    create: (settings): Objective<T> => {
      const { targets, debiased } = settings as z.output<typeof options>;
      return {
        examples: targets === 'all' ? 'sequences' : 'prefixes',
        terms: [],
        prepare: (examples, preparation) => {
          const { groups, targets: lasts, users } = preparation.group(examples);
          const read = targets === 'all' ? readPositions(groups, lasts) : undefined;
          const sequences = sequencesOf(groups, lasts);
          const { items, starts, excluded } = batchColumns(
            read ? sequences : sequences.map((sequence) => sequence.slice(-1)),
            (b) => (users ? preparation.seen(users[b]!) : sequences[b]!),
          );
          const mentioned = read ? [items] : [items, ...groups.map(({ history }) => history)];
          const { numbers, rowOf } = distinctItems(mentioned, preparation.items);
          const inputs: Inputs = {
            feed: preparation.feed(groups, {
              rowOf: (item) => rowOf[item]!,
              read: read?.read,
            }),
            columns: tf.tensor1d(
              items.map((item) => rowOf[item]!),
              'int32',
            ),
            targets: tf.tensor1d(read ? targetColumns(read.examples, starts) : starts, 'int32'),
            excluded: tf.tensor2d(excluded, [starts.length, items.length]),
            ...(read && {
              examples: tf.tensor1d(read.examples, 'int32'),
              weights: tf.tensor1d(read.weights),
            }),
            ...(debiased && { logPopularity: tf.tensor1d(logShares(items, preparation.counts())) }),
          };
          return { inputs, numbers };
        },
        loss: (step, given) => {
          const { feed, columns, targets, examples, weights, excluded, logPopularity } = given as Inputs;
          const queries = step.model.queries(step, step.items(), feed);
          const candidates = step.model.candidates(step, step.items(), columns);
          const scores = step.model.scores(step, queries, candidates);
          const own = examples ? embedding(excluded, examples) : excluded; // [S, C]
          const losses = inBatchSoftmax(scores, targets, { excluded: own, logPopularity });
          return { loss: maskedMean(losses, weights) };
        },
      };
    },
  };
}

/** The items of each example, its target behind. */
function sequencesOf(groups: readonly FeedGroup[], targets: Int32Array): number[][] {
  return groups
    .flatMap(({ length, history, lengths }) =>
      Array.from(lengths, (own, b) => history.subarray(b * length, b * length + own)),
    )
    .map((history, b) => [...history, targets[b]!]);
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
