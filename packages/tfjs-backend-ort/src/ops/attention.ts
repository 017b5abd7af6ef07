import { tf } from '../tfjs.js';
import { customGradient } from './customGradient.ts';

/** Options of {@link attention}. */
export interface AttentionOptions {
  /** H; must divide D. */
  heads: number;
  /**
   * Added to the scaled scores before the softmax: [B or 1, H or 1, Lq or 1, Lk], 0 to keep and -1e9 to hide a key. No
   * gradient.
   */
  bias?: tf.Tensor;
  /** Added to the scaled scores too, with a gradient, such as relative positions: [B or 1, H, Lq, Lk]. */
  offsets?: tf.Tensor;
  /** Dropout of the attention weights: [B, H, Lq, Lk], 0 or 1 / (1 - rate). */
  keep?: tf.Tensor;
}

/**
 * Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2) of already projected inputs:
 * `softmax(q kᵀ / √(D/H) + bias + offsets) v`, heads side by side in the last axis. Differentiable in q, k, v and
 * offsets.
 *
 * @param q - [B, Lq, D]
 * @param k - [B, Lk, D]
 * @param v - [B, Lk, D]
 * @returns [B, Lq, D]
 */
export function attention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, options: AttentionOptions): tf.Tensor3D {
  const { heads, bias, keep, offsets } = options;
  const [B, Lq, D] = q.shape as [number, number, number];
  const Lk = k.shape[1]!;
  if (
    q.rank !== 3 ||
    k.rank !== 3 ||
    v.rank !== 3 ||
    D % heads !== 0 ||
    k.shape[2] !== D ||
    v.shape[1] !== Lk
  )
    throw new Error(
      `attention: q, k, v must be [B, L, D] with ${heads} heads dividing D, got [${q.shape.join(', ')}], ` +
        `[${k.shape.join(', ')}], [${v.shape.join(', ')}]`,
    );
  if (
    offsets &&
    (offsets.shape.slice(1).join() !== [heads, Lq, Lk].join() || ![1, B].includes(offsets.shape[0]))
  )
    throw new Error(
      `attention: offsets must be [${B} or 1, ${heads}, ${Lq}, ${Lk}], got [${offsets.shape.join(', ')}]`,
    );
  const width = D / heads;
  const scale = 1 / Math.sqrt(width);
  // [B, L, D] -> [B, H, L, D/H] and back
  const split = (x: tf.Tensor, length: number) =>
    tf.transpose(tf.reshape(x, [B, length, heads, width]), [0, 2, 1, 3]);
  const merge = (x: tf.Tensor, length: number) => tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [B, length, D]);

  return customGradient(offsets ? [q, k, v, offsets] : [q, k, v], ([query, key, value, added], save) => {
    const qh = split(query!, Lq);
    const kh = split(key!, Lk);
    const vh = split(value!, Lk);
    const products = tf.mul(tf.matMul(qh, kh, false, true), scale);
    const scores = added ? tf.add(products, added) : products;
    const weights = tf.softmax(bias ? tf.add(scores, bias) : scores);
    const dropped = keep ? tf.mul(weights, keep) : weights;
    save(keep ? [qh, kh, vh, weights, keep] : [qh, kh, vh, weights]);
    return {
      value: merge(tf.matMul(dropped, vh), Lq),
      gradient: (dy, [sq, sk, sv, w, mask]) => {
        const dyh = split(dy, Lq);
        const seen = mask ? tf.mul(w!, mask) : w!;
        const dvh = tf.matMul(seen, dyh, true, false);
        const dSeen = tf.matMul(dyh, sv!, false, true);
        const dWeights = mask ? tf.mul(dSeen, mask) : dSeen;
        const weighted = tf.mul(dWeights, w!);
        const dScores = tf.sub(weighted, tf.mul(w!, tf.sum(weighted, -1, true)));
        const dqh = tf.mul(tf.matMul(dScores, sk!), scale);
        const dkh = tf.mul(tf.matMul(dScores, sq!, true, false), scale);
        const gradients = [merge(dqh, Lq), merge(dkh, Lk), merge(dvh, Lk)];
        if (!offsets) return gradients;
        return [...gradients, offsets.shape[0] === B ? dScores : tf.sum(dScores, 0, true)];
      },
    };
  }) as tf.Tensor3D;
}
