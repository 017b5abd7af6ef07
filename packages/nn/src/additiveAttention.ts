import { linear, type RandomStream, tf } from '@ferry/engine';
import { init, type Initializer } from './init.ts';
import { type BiasedLinearParameters, createLinear } from './layers.ts';
import { parameter } from './parameters.ts';

/** Parameters of {@link additiveAttention}. */
export type AdditiveAttentionParameters = {
  /** W and b: [A, D] and [A]. */
  readonly projection: BiasedLinearParameters;
  /** q, [A]. */
  readonly query: tf.Variable;
};

/** Options of {@link createAdditiveAttention}. */
export interface AdditiveAttentionSizes {
  /** D, the width of the vectors to pool. */
  width: number;
  /** A, the width of the query. */
  hidden: number;
  /** First weights of W, for shape [A, D]. Default Xavier-uniform, bias 0. */
  init?: Initializer;
}

/** Parameters of an additive attention; q starts uniform in ±√(6 / (A + 1)), Xavier's bound for a map to one number. */
export function createAdditiveAttention(
  sizes: AdditiveAttentionSizes,
  random: RandomStream,
): AdditiveAttentionParameters {
  const { width, hidden } = sizes;
  return {
    projection: createLinear(
      { inputs: width, outputs: hidden, init: sizes.init ?? init.xavierUniform },
      random,
    ),
    query: parameter(init.uniform(Math.sqrt(6 / (hidden + 1)))([hidden], random), [hidden]),
  };
}

/**
 * Additive attention pooling (Wu et al. 2019, NRMS, eq. 5 and 6): `a_t = q · tanh(W h_t + b)`, `α = softmax(a)`,
 * `r = Σ_t α_t h_t`. A sequence of which nothing is visible gives the zero vector.
 *
 * @param p - Parameters.
 * @param h - [B, L, D]
 * @param options - `hidden` [B, L], bool or float: 1 leaves a position out.
 * @returns The pooled vectors [B, D] and the weights α [B, L].
 */
export function additiveAttention(
  p: AdditiveAttentionParameters,
  h: tf.Tensor,
  options: { hidden?: tf.Tensor } = {},
): {
  /** r, [B, D]. */
  output: tf.Tensor2D;
  /** α, [B, L]; 0 where hidden. */
  weights: tf.Tensor2D;
} {
  const [B, L, D] = h.shape as [number, number, number];
  if (h.rank !== 3) throw new Error(`additiveAttention: h must be [B, L, D], got [${h.shape.join(', ')}]`);
  const keys = tf.tanh(linear(h, p.projection.weight, p.projection.bias)); // [B, L, A]
  const scores = tf.reshape<tf.Rank.R2>(linear(keys, tf.reshape(p.query, [1, -1])), [B, L]);
  const weights = options.hidden ? visibleSoftmax(scores, options.hidden) : tf.softmax(scores);
  const output = tf.reshape<tf.Rank.R2>(tf.matMul(tf.reshape(weights, [B, 1, L]), h), [B, D]);
  return { output, weights };
}

function visibleSoftmax(scores: tf.Tensor2D, hidden: tf.Tensor): tf.Tensor2D {
  const out = tf.cast(hidden, 'float32');
  // Beside a visible position a hidden one weighs exactly 0 already; the product is for sequences without any.
  return tf.mul(tf.softmax(tf.add(scores, tf.mul(out, -1e9))), tf.sub(1, out));
}
