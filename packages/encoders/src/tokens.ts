/** Single tokens of [B, T, D]. */
import { tf } from '@ferry/engine';

/** The first token, [B, D]. */
export function firstToken(h: tf.Tensor): tf.Tensor {
  return tf.reshape(tokenRow(h, 0), [h.shape[0], h.shape[2]!]);
}

/** The token at a place as a row of its own, [B, 1, D]. */
export function tokenRow(h: tf.Tensor, place: number): tf.Tensor {
  return tf.slice(h, [0, place, 0], [h.shape[0], 1, h.shape[2]!]);
}
