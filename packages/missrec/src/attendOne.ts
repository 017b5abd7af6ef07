import { linear, type RandomSource, tf } from '@ferry/engine';
import type { AttentionParameters } from '@ferry/nn';

/** Options of {@link attendOne}. */
export interface AttendOneOptions {
  /** H; must divide D. */
  heads: number;
  /** [B, L] float: 1 hides a key. */
  hidden: tf.Tensor;
  /** Dropout of the attention weights. */
  rate: number;
  /** The step's random source; none in evaluation. */
  random: RandomSource | undefined;
}

/**
 * Multi-head attention of one query per row, with the projections of keys and values moved to the query's side:
 * `q·(W_k x) = (W_kᵀ q)·x` and `Σ a (W_v x + b_v) = W_v (Σ a x) + b_v Σ a`. The same numbers as projecting all L keys and values, for L times less work.
 * The bias of the keys adds one constant to all scores of a query and so cancels in the softmax; it is left out (its gradient is 0).
 *
 * @param p - Parameters as of torch.nn.MultiheadAttention.
 * @param query - [B, D]
 * @param keys - [B, L, D], keys and values.
 * @param options - Heads, mask, dropout.
 * @returns The output [B, D] and the weights before dropout [B, H, L].
 */
export function attendOne(
  p: AttentionParameters,
  query: tf.Tensor,
  keys: tf.Tensor,
  { heads, hidden, rate, random }: AttendOneOptions,
): { output: tf.Tensor2D; weights: tf.Tensor3D } {
  const [B, L, D] = keys.shape as [number, number, number];
  const h = D / heads;
  const [wq, wk, wv] = tf.split(p.inProjection.weight, 3, 0) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const [bq, , bv] = tf.split(p.inProjection.bias, 3, 0) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const q = tf.mul(linear(query, wq, bq), 1 / Math.sqrt(h));
  const byHead = tf.transpose(tf.reshape(q, [B, heads, h]), [1, 0, 2]); // [H, B, h]
  const lifted = tf.matMul(byHead, tf.reshape(wk, [heads, h, D])); // [H, B, D]
  const scores = tf.matMul(tf.transpose(lifted, [1, 0, 2]), keys, false, true); // [B, H, L]
  const bias = tf.mul(tf.reshape(hidden, [B, 1, L]), -1e9);
  const weights = tf.softmax(tf.add(scores, bias)) as tf.Tensor3D;
  const kept = random && rate > 0 ? tf.mul(weights, random.keepMask([B, heads, L], rate)) : weights;
  const mixed = tf.transpose(tf.matMul(kept, keys), [1, 0, 2]); // [H, B, D]
  const values = tf.matMul(mixed, tf.reshape(wv, [heads, h, D]), false, true); // [H, B, h]
  const total = tf.transpose(tf.sum(kept, -1, true), [1, 0, 2]); // [H, B, 1]
  const joined = tf.add(values, tf.mul(total, tf.reshape(bv, [heads, 1, h])));
  const output = linear(
    tf.reshape(tf.transpose(joined, [1, 0, 2]), [B, D]),
    p.outProjection.weight,
    p.outProjection.bias,
  ) as tf.Tensor2D;
  return { output, weights };
}
