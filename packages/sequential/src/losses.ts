import { tf } from '@ferry/engine';
import { crossEntropy } from '@ferry/nn';

/**
 * A logit that takes a candidate out of a softmax: its exponential is 0 in float32, and it is finite in every backend.
 */
const OUT = -1e9;

/**
 * Sampled softmax of each row: cross-entropy of its positive among itself and K negatives,
 * `-log( e^p / (e^p + Σ_k e^(n_k)) )`.
 *
 * @param positive - [R], the score of each row's target.
 * @param negatives - [R, K]
 * @param excluded - [R, K], 1 where a negative is none (it is the target): it leaves the sum.
 * @returns [R]
 */
export function sampledSoftmax(positive: tf.Tensor, negatives: tf.Tensor, excluded?: tf.Tensor): tf.Tensor1D {
  const R = positive.size;
  const kept = excluded ? tf.add(negatives, tf.mul(excluded, OUT)) : negatives;
  const logits = tf.concat([tf.reshape(positive, [R, 1]), kept], 1);
  return crossEntropy(logits, tf.zeros([R], 'int32'));
}

/**
 * Binary cross-entropy of each row (Kang and McAuley 2018, section III-E, for K = 1):
 * `softplus(-p) + Σ_k softplus(n_k)`.
 *
 * @param positive - [R], the score of each row's target.
 * @param negatives - [R, K]
 * @param excluded - [R, K], 1 where a negative is none: it leaves the sum.
 * @returns [R]
 */
export function pairwiseBinary(positive: tf.Tensor, negatives: tf.Tensor, excluded?: tf.Tensor): tf.Tensor1D {
  const losses = tf.softplus(negatives);
  const kept = excluded ? tf.mul(losses, tf.sub(1, excluded)) : losses;
  return tf.add(tf.softplus(tf.neg(tf.reshape(positive, [-1]))), tf.sum(kept, 1));
}

/**
 * The positive logit of gSASRec (Petrov and Macdonald 2023, eq. 9 and 13), which undoes the overconfidence that
 * negative sampling brings: σ(p) becomes σ(p)^β with `α = K / (N - 1)`, `β = α (t (1 - 1/α) + 1/α)`, and the result is
 * the logit of that. t = 0 leaves p as it is, t = 1 makes the trained σ(p) an unbiased probability. With
 * {@link pairwiseBinary} this is the gBCE loss.
 *
 * @param positive - Scores of targets, any shape.
 * @param options - `negatives`: K. `items`: N. `calibration`: t in [0, 1].
 * @returns The shape of `positive`.
 */
export function calibratedPositive(
  positive: tf.Tensor,
  options: { negatives: number; items: number; calibration: number },
): tf.Tensor {
  const { negatives, items, calibration } = options;
  const alpha = negatives / (items - 1);
  const beta = alpha * (calibration * (1 - 1 / alpha) + 1 / alpha);
  // x = -β log σ(p); logit of e^(-x) is -(x + log(1 - e^(-x))), which neither overflows nor cancels. The floor is
  // reached above p = 80.
  const x = tf.maximum(tf.mul(tf.softplus(tf.neg(positive)), beta), 1e-35);
  return tf.neg(tf.add(x, tf.log(tf.neg(tf.expm1(tf.neg(x))))));
}
