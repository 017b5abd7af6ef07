/** One vector of each text or picture from the vectors of its tokens. */
import { tf } from '@ferry/engine';
import { gatherPositions, normalize } from '@ferry/nn';
import type { Encoded, Pooling } from './family.ts';
import { firstToken } from './tokens.ts';

/** How vectors are made. */
export interface PoolingOptions {
  /** Which tokens make the vector. */
  readonly pooling: Pooling;
  /** Whether vectors are scaled to length 1. */
  readonly normalise: boolean;
}

/** Far below any vector's numbers. */
const HIDDEN = -1e9;

/**
 * Vectors of texts or pictures.
 *
 * @param encoded - What the encoder gave; with pooling `cls` its first token is enough.
 * @param mask - [B, T]: 1 for a token, 0 for padding. Default: all are tokens.
 * @returns [B, D], or [B, projection]. Of a row without tokens the vector means nothing, but is finite.
 */
export function pool(
  { hidden, pooled }: Encoded,
  mask: tf.Tensor | undefined,
  options: PoolingOptions,
): tf.Tensor2D {
  const made = poolTokens(hidden, pooled, mask && tf.cast(mask, 'float32'), options.pooling);
  return (options.normalise ? normalize(made) : made) as tf.Tensor2D;
}

function poolTokens(
  hidden: tf.Tensor,
  pooled: tf.Tensor | undefined,
  mask: tf.Tensor | undefined,
  pooling: Pooling,
): tf.Tensor {
  const [B, T, D] = hidden.shape as [number, number, number];
  /** [B, T, 1] */
  const marksOf = (given: tf.Tensor) => tf.reshape(given, [B, T, 1]);
  switch (pooling) {
    case 'pooled':
      if (!pooled) throw new Error('pool: this encoder has no pooled output; take cls or mean');
      return pooled;
    case 'cls':
      return firstToken(hidden);
    case 'mean': {
      if (!mask) return tf.mean(hidden, 1);
      const marks = marksOf(mask);
      // A product with the shares of tokens: no [B, T, D] in between.
      const shares = tf.div(marks, tf.maximum(tf.sum(marks, 1, true), 1));
      return tf.reshape(tf.matMul(shares, hidden, true), [B, D]);
    }
    case 'max':
      return tf.max(mask ? tf.add(hidden, tf.mul(tf.sub(1, marksOf(mask)), HIDDEN)) : hidden, 1);
    case 'last': {
      const lengths = mask ? tf.sum(mask, 1) : tf.fill([B], T);
      const last = tf.cast(tf.maximum(tf.sub(lengths, 1), 0), 'int32');
      return tf.reshape(gatherPositions(hidden, last), [B, D]);
    }
  }
}
