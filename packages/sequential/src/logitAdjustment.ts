import { tf } from '@ferry/engine';
import { z } from 'zod';

/** The setting of objectives whose softmax runs over the whole catalogue. */
export const logitAdjustmentSchema = z
  .number()
  .min(0)
  .default(0)
  .describe(
    "τ: so many times the log of each item's share of the training interactions is added to its logit in training; 0 " +
      'trains scores that follow popularity, 1 scores that do not, which finds more rare items',
  );

/** What a step's softmax is adjusted by. */
export type Adjusted = {
  /** τ log π of each item, [N + 1, 1], padding (0) first; absent where nothing is adjusted. */
  adjustment?: tf.Tensor2D;
};

/**
 * What logit adjustment adds to the logits of a training step (Menon et al. 2021, eq. 10): `τ log π`, π the share of each
 * item in the training interactions. Ranked without it, a score no longer carries the item's frequency. Unlike the
 * paper, whose classes all occur, one interaction is added to each item, so that one that nobody took has a finite
 * logarithm.
 *
 * @param weight - τ; 0: no adjustment.
 * @param counts - Training interactions of each item, [N + 1].
 */
export function adjustmentOf(weight: number, counts: () => Float64Array): Adjusted {
  if (weight === 0) return {};
  const own = counts();
  // Plain loops: this is done at every step, and iterators take many times as long.
  let total = own.length - 1;
  for (let item = 0; item < own.length; item++) total += own[item]!;
  const values = new Float32Array(own.length);
  for (let item = 0; item < own.length; item++) values[item] = weight * Math.log((own[item]! + 1) / total);
  return { adjustment: tf.tensor2d(values, [own.length, 1]) };
}

/**
 * Logits with the adjustment of their classes.
 *
 * @param logits - [B, C]
 * @param adjustment - Of the C classes, [C, 1].
 */
export const adjust = (logits: tf.Tensor2D, adjustment: tf.Tensor): tf.Tensor2D =>
  tf.add(logits, tf.reshape(adjustment, [1, -1]));
