import { blocksPay, type RandomSource, tf } from '@ferry/engine';
import type { Adjusted, ItemInputs } from '@ferry/sequential';
import { blockedCatalogueLoss, historyTables, localHistories } from './blockedLoss.ts';
import { candidatesOf } from './fusion.ts';
import { catalogueLoss, inBatchItemLoss, interestRegulariser, sequenceLoss } from './losses.ts';
import type { MissRecFeed } from './feeds.ts';
import { itemTables } from './items.ts';
import { encodeSequences, type MissRecQueries } from './model.ts';
import type { MissRecOptions } from './options.ts';
import type { MissRecParameters } from './parameters.ts';

/** What both objectives read besides the weights. */
export type ObjectiveInputs = {
  /** Items the histories point into. */
  items: ItemInputs;
  /** [K + 1, D]; absent with interests `none`. */
  interestTable?: tf.Tensor;
  /** The batch, in groups of one length. */
  feed: MissRecFeed;
  /** int32 [B], rows of the item tables, in the order of the groups. */
  targets: tf.Tensor;
};

/** What pre-training reads besides. */
export type PretrainInputs = ObjectiveInputs & {
  /** The augmented view of the same rows in the same groups. */
  augmented: MissRecFeed;
};

/** N + 1 */
function itemCount({ features }: ItemInputs): number {
  return Object.values(features)[0]?.shape[0] ?? 0;
}

function regulariserOf(
  options: MissRecOptions,
  { memories }: MissRecQueries,
  { groups, slots }: MissRecFeed,
): tf.Scalar {
  return groups
    .map((group, g) => interestRegulariser(options, memories[g], group, slots))
    .reduce((a, b) => tf.add<tf.Scalar>(a, b));
}

/** Terms of {@link finetuneObjective}, each []. */
export type FinetuneTerms = {
  /** What is minimised. */
  loss: tf.Scalar;
  /** Mean cross-entropy over the catalogue. */
  crossEntropy: tf.Scalar;
  /** R. */
  regulariser: tf.Scalar;
};

/**
 * The fine-tuning objective (spec 4): `L = mean CE(s / τ over the catalogue, target) + γ R`. The items must be the
 * whole catalogue in order. Logits may be adjusted by the items' frequency, as the paper's are not.
 *
 * @param p - Weights.
 * @param options - Model options.
 * @param inputs - The batch.
 * @param random - The step's random source; none: no dropout.
 * @param width - Items scored at once; 0: all. Default: blocks where they are faster (`blocksPay`).
 */
export function finetuneObjective(
  p: MissRecParameters,
  options: MissRecOptions,
  inputs: ObjectiveInputs & Adjusted,
  random: RandomSource | undefined,
  width?: number,
): FinetuneTerms {
  const { items, interestTable, feed, targets, adjustment } = inputs;
  const hasFeatures = Object.keys(items.features).length > 0;
  const blocked = !hasFeatures
    ? false
    : width === undefined
      ? blocksPay('softmax', targets.size, itemCount(items))
      : width > 0;
  const tables = blocked ? historyTables(p, options, items, feed.groups) : itemTables(p, options, items);
  const groups = blocked ? localHistories(feed.groups) : feed.groups;
  const encoded = encodeSequences(p, options, tables, interestTable, { ...feed, groups }, random);
  const losses = blocked
    ? blockedCatalogueLoss(p, options, { sequences: encoded.vectors, items, targets, adjustment, width })
    : catalogueLoss(
        options,
        encoded.vectors,
        candidatesOf(options, tables, options.paddingInSoftmax ? 'all' : 'items'),
        targets,
        adjustment,
      );
  const crossEntropy = tf.mean<tf.Scalar>(losses);
  const regulariser = regulariserOf(options, encoded, feed);
  return {
    loss: tf.add(crossEntropy, tf.mul(regulariser, options.regulariserWeight)),
    crossEntropy,
    regulariser,
  };
}

/** Terms of {@link pretrainObjective}, each []. */
export type PretrainTerms = {
  /** What is minimised. */
  loss: tf.Scalar;
  /** Mean in-batch sequence-item loss. */
  sequenceItem: tf.Scalar;
  /** Mean in-batch sequence-sequence loss. */
  sequenceSequence: tf.Scalar;
  /** R of both views. */
  regulariser: tf.Scalar;
};

/**
 * The pre-training objective (spec 4): `L = sequence-item + λ sequence-sequence + γ (R + R_augmented)`, all negatives
 * from the batch.
 *
 * @param p - Weights.
 * @param options - Model options.
 * @param inputs - The batch and its augmented view.
 * @param random - The step's random source; none: no dropout.
 */
export function pretrainObjective(
  p: MissRecParameters,
  options: MissRecOptions,
  inputs: PretrainInputs,
  random: RandomSource | undefined,
): PretrainTerms {
  const { feed, augmented, targets, interestTable } = inputs;
  const tables = itemTables(p, options, inputs.items);
  const encode = (view: MissRecFeed): MissRecQueries =>
    encodeSequences(p, options, tables, interestTable, view, random);
  const encoded = encode(feed);
  const encodedAugmented = encode(augmented);
  const u = encoded.vectors;
  const candidates = candidatesOf(options, tables, targets);
  const sequenceItem = tf.mean(inBatchItemLoss(options, u, candidates, targets)) as unknown as tf.Scalar;
  const sequenceSequence = tf.mean(
    sequenceLoss(u, encodedAugmented.vectors, options.temperature),
  ) as unknown as tf.Scalar;
  const regulariser = tf.add<tf.Scalar>(
    regulariserOf(options, encoded, feed),
    regulariserOf(options, encodedAugmented, augmented),
  );
  const loss = tf.add<tf.Scalar>(
    tf.add(sequenceItem, tf.mul(sequenceSequence, options.sequenceWeight)),
    tf.mul(regulariser, options.regulariserWeight),
  );
  return { loss, sequenceItem, sequenceSequence, regulariser };
}
