import { softmaxCrossEntropy, tf } from '@ferry/engine';

/** Options of a loss. */
export interface LossOptions {
  /**
   * The shape of the result, bool or float: 0 where an example does not count; its loss and its gradient are then 0.
   */
  mask?: tf.Tensor;
}

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions extends LossOptions {
  /** Share of the target spread evenly over all classes, in [0, 1). Default 0. */
  labelSmoothing?: number;
}

/**
 * Softmax cross-entropy per row, `-Σ_c q_c log softmax(logits)_c` with `q = (1 - ε) onehot(label) + ε / C` (Szegedy et
 * al. 2016, section 7), as torch.nn.functional.cross_entropy. Without smoothing, logits of -Infinity take a class out;
 * every row that counts needs a finite logit. Masked rows may hold anything, NaN and labels of no class too.
 *
 * @param logits - [R, C]
 * @param labels - int32 [R], each in [0, C) unless masked.
 * @param options - Smoothing ε and mask.
 * @returns [R]
 */
export function crossEntropy(
  logits: tf.Tensor,
  labels: tf.Tensor,
  options: CrossEntropyOptions = {},
): tf.Tensor1D {
  const { labelSmoothing = 0, mask } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing < 1))
    throw new Error(`crossEntropy: labelSmoothing must be in [0, 1), got ${labelSmoothing}`);
  return softmaxCrossEntropy(logits, labels, labelSmoothing, mask);
}

/** Options of {@link binaryCrossEntropy}. */
export interface BinaryCrossEntropyOptions extends LossOptions {
  /** Factor of the loss where the target is 1. Default 1. */
  positiveWeight?: number;
}

/**
 * Binary cross-entropy of logits x, `w z softplus(-x) + (1 - z) softplus(x)`, as
 * torch.nn.functional.binary_cross_entropy_with_logits; finite for every finite x.
 *
 * @param logits - x, any shape.
 * @param targets - z in [0, 1], the same shape.
 * @param options - Mask and weight w of positives.
 * @returns The shape of x.
 */
export function binaryCrossEntropy(
  logits: tf.Tensor,
  targets: tf.Tensor,
  options: BinaryCrossEntropyOptions = {},
): tf.Tensor {
  const { mask, positiveWeight = 1 } = options;
  sameShape('binaryCrossEntropy', 'targets', targets, logits);
  const x = visible('binaryCrossEntropy', logits, mask);
  const z = visible('binaryCrossEntropy', targets, mask);
  // softplus(-x) = softplus(x) - x
  const positive = tf.sub(tf.softplus(x), x);
  const loss = tf.add(tf.mul(tf.mul(z, positiveWeight), positive), tf.mul(tf.sub(1, z), tf.softplus(x)));
  return masked('binaryCrossEntropy', loss, mask);
}

/**
 * Bayesian personalised ranking (Rendle et al. 2009, section 4.1): `-log σ(positive - negative)`.
 *
 * @param positive - Scores of what was chosen, any shape.
 * @param negative - Scores of what was not, the same shape.
 * @param options - Mask.
 * @returns The shape of the scores.
 */
export function bpr(positive: tf.Tensor, negative: tf.Tensor, options: LossOptions = {}): tf.Tensor {
  sameShape('bpr', 'negative', negative, positive);
  const difference = visible('bpr', tf.sub(negative, positive), options.mask);
  return masked('bpr', tf.softplus(difference), options.mask);
}

/**
 * Mean of per-example losses over those that count: `Σ mask loss / max(Σ mask, 1)`; 0 if none counts.
 *
 * @param losses - Any shape.
 * @param mask - The same shape, bool or float; without it every example counts.
 */
export function maskedMean(losses: tf.Tensor, mask?: tf.Tensor): tf.Scalar {
  if (!mask) return tf.mean(losses);
  const weights = tf.cast(mask, 'float32');
  return tf.div(tf.sum(masked('maskedMean', losses, mask)), tf.maximum(tf.sum(weights), 1));
}

/** x where the mask is set, else 0: what is masked cannot spoil a gradient by an infinity. */
function visible<T extends tf.Tensor>(name: string, x: T, mask: tf.Tensor | undefined): T {
  if (!mask) return x;
  sameShape(name, 'mask', mask, x);
  return tf.where(tf.cast(mask, 'bool'), x, tf.zerosLike(x));
}

/** Losses where the mask is set, else 0. */
export function masked<T extends tf.Tensor>(name: string, losses: T, mask: tf.Tensor | undefined): T {
  return visible(name, losses, mask);
}

function sameShape(name: string, argument: string, got: tf.Tensor, like: tf.Tensor): void {
  if (got.rank !== like.rank || got.shape.some((n, i) => n !== like.shape[i]))
    throw new Error(
      `${name}: ${argument} must have shape [${like.shape.join(', ')}], got [${got.shape.join(', ')}]`,
    );
}
