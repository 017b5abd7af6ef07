import { linear, type RandomSource, tf } from '@ferry/engine';
import type { AttentionParameters } from '@ferry/nn';

/** Keys of a group of queries. */
export interface AttendedGroup {
  /** [B, L, D], keys and values. */
  keys: tf.Tensor;
  /** [B, L] float: 1 hides a key. */
  hidden: tf.Tensor;
}

/** The input projections of an attention, each for itself: [D, D] and [D]. */
export type SplitProjections = Readonly<
  Record<'query' | 'key' | 'value', { weight: tf.Tensor; bias: tf.Tensor }>
>;

/** Cuts the stacked input projections of torch.nn.MultiheadAttention. */
export function splitProjections({ inProjection }: AttentionParameters): SplitProjections {
  const weights = tf.split(inProjection.weight, 3, 0) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const biases = tf.split(inProjection.bias, 3, 0) as [tf.Tensor, tf.Tensor, tf.Tensor];
  return {
    query: { weight: weights[0], bias: biases[0] },
    key: { weight: weights[1], bias: biases[1] },
    value: { weight: weights[2], bias: biases[2] },
  };
}

/** Options of {@link attendOne}. */
export interface AttendOneOptions {
  /** H; must divide D. */
  heads: number;
  /** Dropout of the attention weights. */
  rate: number;
  /** The step's random source; none in evaluation. */
  random: RandomSource | undefined;
  /** Those of the parameters, where they were cut before. */
  projections?: SplitProjections | undefined;
}

/**
 * Multi-head attention of one query per row, with the projections of keys and values moved to the query's side:
 * `q·(W_k x) = (W_kᵀ q)·x` and `Σ a (W_v x + b_v) = W_v (Σ a x) + b_v Σ a`. The same numbers as projecting all L keys
 * and values, for L times less work. The bias of the keys adds one constant to all scores of a query and so cancels in
 * the softmax; it is left out (its gradient is 0).
 *
 * @param p - Parameters as of torch.nn.MultiheadAttention.
 * @param query - [R, D]: the rows of all groups, one group after the other. Projections run over all of them at once.
 * @param groups - Keys of each group, of lengths of their own.
 * @param options - Heads and dropout.
 * @returns The output [R, D], and for each group the weights before dropout [B, H, L].
 */
export function attendOne(
  p: AttentionParameters,
  query: tf.Tensor,
  groups: readonly AttendedGroup[],
  { heads, rate, random, projections }: AttendOneOptions,
): { output: tf.Tensor2D; weights: tf.Tensor3D[] } {
  const [R, D] = query.shape as [number, number];
  const h = D / heads;
  const own = projections ?? splitProjections(p);
  const q = tf.mul(linear(query, own.query.weight, own.query.bias), 1 / Math.sqrt(h));
  const byHead = tf.transpose(tf.reshape(q, [R, heads, h]), [1, 0, 2]); // [H, R, h]
  const lifted = tf.transpose(tf.matMul(byHead, tf.reshape(own.key.weight, [heads, h, D])), [1, 0, 2]); // [R, H, D]
  const sizes = groups.map(({ keys }) => keys.shape[0]);
  // A split's gradient is one concatenation; those of slices would be padded to the whole and added up.
  const parts = groups.length === 1 ? [lifted] : tf.split(lifted, sizes, 0);
  const cores = groups.map(({ keys, hidden }, g) => {
    const [B, L] = keys.shape as [number, number];
    const lift = parts[g]!;
    const bias = tf.mul(tf.reshape(hidden, [B, 1, L]), -1e9);
    const weights = tf.softmax(tf.add(tf.matMul(lift, keys, false, true), bias)) as tf.Tensor3D; // [B, H, L]
    const kept = random && rate > 0 ? tf.mul(weights, random.keepMask([B, heads, L], rate)) : weights;
    return { weights, mixed: tf.matMul(kept, keys), total: tf.sum(kept, -1, true) };
  });
  const join = (pieces: tf.Tensor[]): tf.Tensor => (pieces.length === 1 ? pieces[0]! : tf.concat(pieces));
  const mixed = tf.transpose(join(cores.map((core) => core.mixed)), [1, 0, 2]); // [H, R, D]
  const total = tf.transpose(join(cores.map((core) => core.total)), [1, 0, 2]); // [H, R, 1]
  const values = tf.matMul(mixed, tf.reshape(own.value.weight, [heads, h, D]), false, true); // [H, R, h]
  const joined = tf.add(values, tf.mul(total, tf.reshape(own.value.bias, [heads, 1, h])));
  const output = linear(
    tf.reshape(tf.transpose(joined, [1, 0, 2]), [R, D]),
    p.outProjection.weight,
    p.outProjection.bias,
  ) as tf.Tensor2D;
  return { output, weights: cores.map(({ weights }) => weights) };
}
