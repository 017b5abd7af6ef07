import { softmaxCrossEntropy, tf } from '@ferry/engine';
import { adjust } from '@ferry/sequential';
import { type Candidates, fusedScores } from './fusion.ts';
import type { MissRecGroup } from './feeds.ts';
import type { MissRecOptions } from './options.ts';

/**
 * The fine-tuning loss of each row (spec 4): cross-entropy of the target among all candidates, logits `s / τ`.
 *
 * @param options - Model options.
 * @param sequences - [B, D]
 * @param candidates - The catalogue, with its padding row if `paddingInSoftmax`.
 * @param targets - int32 [B], item numbers 1..N.
 * @param adjustment - Added to the logits of each item, [N + 1, 1]; default none (see `adjustmentOf`).
 * @returns [B]
 */
export function catalogueLoss(
  options: MissRecOptions,
  sequences: tf.Tensor,
  candidates: Candidates,
  targets: tf.Tensor,
  adjustment?: tf.Tensor2D,
): tf.Tensor1D {
  const plain = tf.div<tf.Tensor2D>(fusedScores(options, sequences, candidates), options.temperature);
  const first = options.paddingInSoftmax ? 0 : 1;
  const logits = adjustment ? adjust(plain, tf.slice(adjustment, [first, 0])) : plain;
  const labels = options.paddingInSoftmax ? targets : tf.sub(targets, tf.scalar(1, 'int32'));
  return softmaxCrossEntropy(logits, labels);
}

/**
 * The sequence-item loss of each row in pre-training (spec 4): cross-entropy of its own target among the batch's
 * targets, one direction.
 *
 * @param options - Model options; with `sameItemMask` other rows of the same target are no negatives.
 * @param sequences - [B, D]
 * @param candidates - The batch's targets, in its order: C = B.
 * @param targets - int32 [B], anything that is equal for equal items.
 * @returns [B]
 */
export function inBatchItemLoss(
  options: MissRecOptions,
  sequences: tf.Tensor,
  candidates: Candidates,
  targets: tf.Tensor,
): tf.Tensor1D {
  const logits = tf.div(fusedScores(options, sequences, candidates), options.temperature);
  const B = sequences.shape[0];
  const labels = tf.range(0, B, 1, 'int32');
  if (!options.sameItemMask) return softmaxCrossEntropy(logits, labels);
  const same = tf.cast(tf.equal(tf.reshape(targets, [B, 1]), tf.reshape(targets, [1, B])), 'float32');
  const own = tf.cast(tf.equal(tf.reshape(labels, [B, 1]), tf.reshape(labels, [1, B])), 'float32');
  // -1e9 and not -∞: the same value in float32 once the softmax has seen it, and finite in every backend
  return softmaxCrossEntropy(tf.add(logits, tf.mul(tf.sub(same, own), -1e9)), labels);
}

/**
 * The sequence-sequence loss of each row in pre-training (spec 4): its own augmented view among those of the batch, one
 * direction.
 *
 * @param sequences - [B, D]
 * @param augmented - [B, D]
 * @param temperature - τ
 * @returns [B]
 */
export function sequenceLoss(sequences: tf.Tensor, augmented: tf.Tensor, temperature: number): tf.Tensor1D {
  const logits = tf.div(tf.matMul(sequences, augmented, false, true), temperature);
  return softmaxCrossEntropy(logits, tf.range(0, sequences.shape[0], 1, 'int32'));
}

/**
 * The interest regulariser of a group of rows, summed over them (spec 4): `(1/D) Σ_b ‖pooled_b‖²`, which is large where
 * a row's encoded interests point the same way. It sums over the batch, as released, so γ keeps its meaning.
 *
 * @param options - Model options; `regulariser` says what pooled is.
 * @param memory - [B, Q, D] encoded interests of the group; none with interests `none`.
 * @param group - Its mask.
 * @param slots - [] interest slots of the batch's fullest row in the released layout; needed by `all-slots`. All groups
 *   must have at least so many.
 * @returns []
 */
export function interestRegulariser(
  options: MissRecOptions,
  memory: tf.Tensor3D | undefined,
  group: MissRecGroup,
  slots: tf.Tensor | undefined,
): tf.Scalar {
  const mask = group.interestMask;
  if (!memory || !mask) return tf.scalar(0);
  const [B, Q, D] = memory.shape;
  const valid = tf.sum(mask, 1, true); // [B, 1]
  const pooled = (weights: tf.Tensor): tf.Tensor =>
    tf.reshape(tf.matMul(tf.reshape(weights, [weights.shape[0], 1, Q]), memory), [B, D]);
  if (options.regulariser === 'valid') {
    const mean = pooled(tf.div(mask, tf.maximum(valid, 1)));
    return tf.div(tf.sum(tf.square(mean)), D);
  }
  if (!slots) throw new Error("interestRegulariser: slots must be given with regulariser 'all-slots'");
  const counted = tf.cast(tf.less(tf.range(0, Q, 1, 'float32'), slots), 'float32'); // [Q]
  const weights = tf.mul(tf.div(valid, slots), tf.reshape(counted, [1, Q])); // [B, Q]
  return tf.div(tf.sum(tf.square(pooled(weights))), D);
}
