/** Single tokens of [B, T, D]. */
import { tf } from '@ferry/engine';

/** The first token, [B, D]. */
export function firstToken(h: tf.Tensor): tf.Tensor {
  return tf.reshape(firstRow(h), [h.shape[0], h.shape[2]!]);
}

/** The first token as a row of its own, [B, 1, D]. */
export function firstRow(h: tf.Tensor): tf.Tensor {
  return tf.slice(h, [0, 0, 0], [h.shape[0], 1, h.shape[2]!]);
}
