import { type RandomSource, sumOfSquares, tf } from '@ferry/engine';

/** Inner products of the rows of two matrices: [B]. */
export function rowProducts(a: tf.Tensor, b: tf.Tensor): tf.Tensor1D {
  return tf.sum(tf.mul(a, b), 1);
}

/** `½ Σ ‖row‖²` over the rows of some matrices: []. */
export function halfSquares(matrices: readonly tf.Tensor[]): tf.Scalar {
  const sums = matrices.map((matrix) => tf.sum<tf.Scalar>(tf.square(matrix)));
  return tf.mul(sums.length === 1 ? sums[0]! : tf.addN(sums), 0.5);
}

/**
 * Rows of length 1, `x / max(‖x‖, 1e-12)`, as torch.nn.functional.normalize; the gradient is finite at rows of zeros
 * too.
 */
export function normaliseRows(x: tf.Tensor): tf.Tensor2D {
  return tf.div(x, tf.sqrt(tf.maximum(sumOfSquares(x), 1e-24)));
}

/** Numbers of which a share is dropped and the others are scaled; as they are where there is no randomness. */
export function dropped(x: tf.Tensor, rate: number, random: RandomSource | undefined): tf.Tensor {
  return random && rate > 0 ? tf.mul(x, random.keepMask(x.shape, rate)) : x;
}

/**
 * 0, with gradients of 0 by some weights: for a step that does not read what others do. Adam moves them by what their
 * moments hold.
 */
export function unread(weights: readonly tf.Tensor[]): tf.Scalar {
  const nothing = tf.customGrad((...given) => {
    given.pop();
    return {
      value: tf.zeros([]),
      gradFunc: () => (given as tf.Tensor[]).map((weight) => tf.zerosLike(weight)),
    };
  });
  return nothing(...weights) as tf.Scalar;
}

/** Reports a loss in two parts, what ranks and what keeps weights small, as `{ loss, bpr, penalty }`. */
export function inParts(
  bpr: tf.Scalar,
  penalty: tf.Scalar,
): { loss: tf.Scalar; bpr: tf.Scalar; penalty: tf.Scalar } {
  return { loss: tf.add(bpr, penalty), bpr, penalty };
}

/** Names of what {@link inParts} reports besides the loss. */
export const lossParts = ['bpr', 'penalty'] as const;
