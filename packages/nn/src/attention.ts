import { attention, linear, type RandomSource, type RandomStream, tf } from '@ferry/engine';
import { init, type Initializer } from './init.ts';
import { type BiasedLinearParameters, createLinear, type LinearParameters } from './layers.ts';

/**
 * Parameters of {@link multiHeadAttention}, laid out as torch.nn.MultiheadAttention's.
 *
 * @typeParam Projection - Of its projections: with a bias, or perhaps without.
 */
export type AttentionParameters<Projection extends LinearParameters = BiasedLinearParameters> = {
  /** Query, key and value projections stacked: weight [3D, D], bias [3D]. */
  readonly inProjection: Projection;
  /** Projection of the joined heads: weight [D, D], bias [D]. */
  readonly outProjection: Projection;
};

/** First weights of attention layers. */
export interface AttentionInit {
  /** First weights of the input projections. Default Xavier-uniform over [3D, D], bias 0, as PyTorch. */
  inProjection?: Initializer;
  /** First weights of the output projection; its bias starts at 0. Default uniform in ±1/√D, as PyTorch. */
  outProjection?: Initializer;
}

/** Parameters of a multi-head attention whose projections have no bias. */
export function createAttention(
  width: number,
  random: RandomStream,
  first: AttentionInit & { bias: false },
): AttentionParameters<LinearParameters>;
/**
 * Parameters of a multi-head attention of width D.
 *
 * @param width - D
 * @param random - Source of the first weights.
 * @param first - Initial values other than PyTorch's; whether projections have a bias, as they do by default.
 */
export function createAttention(
  width: number,
  random: RandomStream,
  first?: AttentionInit & { bias?: true },
): AttentionParameters;
export function createAttention(
  width: number,
  random: RandomStream,
  { bias = true, inProjection, outProjection }: AttentionInit & { bias?: boolean } = {},
): AttentionParameters<LinearParameters> {
  return {
    inProjection: createLinear(
      { inputs: width, outputs: 3 * width, bias, init: inProjection ?? init.xavierUniform },
      random,
    ),
    outProjection: createLinear(
      { inputs: width, outputs: width, bias, init: outProjection ?? init.uniform(1 / Math.sqrt(width)) },
      random,
    ),
  };
}

/** What attention may not see. */
export interface AttentionMasks {
  /** [B, Lk], bool or float: 1 hides a key from all queries (padding); or [B, Lq, Lk], from single ones. */
  hidden?: tf.Tensor;
  /** Query i sees keys 0..i only; needs Lq = Lk. Default false. */
  causal?: boolean;
}

/** Options of {@link multiHeadAttention}. */
export interface MultiHeadAttentionOptions extends AttentionMasks {
  /** H; must divide D. */
  heads: number;
  /** {@link attentionBias} made beforehand, instead of `hidden` and `causal`; a stack of layers makes it once. */
  bias?: tf.Tensor;
  /** Dropout of the attention weights. Default 0. */
  rate?: number;
  /** The step's random source; without it (evaluation) nothing is dropped. */
  random?: RandomSource;
}

/** What hides a key: large enough that its weight is exactly 0 beside any visible key, and finite. */
const HIDDEN = -1e9;

/**
 * Masks as numbers to add to attention scores: 0, or -1e9 for what is hidden.
 *
 * A query that may see no key attends to all keys alike (PyTorch returns NaN there); the values of such rows mean
 * nothing and must not be read.
 *
 * @param queries - Lq
 * @param keys - Lk
 * @param masks - What is hidden.
 * @returns [B or 1, 1, Lq or 1, Lk], or nothing if nothing is hidden.
 */
export function attentionBias(queries: number, keys: number, masks: AttentionMasks): tf.Tensor4D | undefined {
  const { hidden, causal = false } = masks;
  if (causal && queries !== keys)
    throw new Error(
      `attentionBias: causal attention needs as many queries as keys, got ${queries} and ${keys}`,
    );
  const single = hidden?.rank === 3;
  if (hidden && (hidden.shape.at(-1) !== keys || !(single ? hidden.shape[1] === queries : hidden.rank === 2)))
    throw new Error(
      `attentionBias: hidden must be [B, ${keys}] or [B, ${queries}, ${keys}], got [${hidden.shape.join(', ')}]`,
    );
  const padding =
    hidden && tf.reshape(tf.cast(hidden, 'float32'), [hidden.shape[0], 1, single ? queries : 1, keys]);
  const future = causal ? tf.tensor4d(futureOf(keys), [1, 1, keys, keys]) : undefined;
  // The larger of the two, not their sum: a row with nothing to see stays uniform over all of its keys.
  const masked = padding && future ? tf.maximum(padding, future) : (padding ?? future);
  return masked && tf.mul<tf.Tensor4D>(masked, HIDDEN);
}

function futureOf(length: number): Float32Array {
  return Float32Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? 1 : 0,
  );
}

/**
 * Multi-head attention (Vaswani et al. 2017, section 3.2.2) as torch.nn.MultiheadAttention computes it: project
 * queries, keys and values, attend per head, project the joined heads. Self-attention where `query` and `keyValue` are
 * the same tensor (then one product makes all three projections).
 *
 * @param p - Parameters of width D.
 * @param query - [B, Lq, D]
 * @param keyValue - [B, Lk, D]
 * @param options - Heads, masks, dropout.
 * @returns [B, Lq, D]
 */
export function multiHeadAttention(
  p: AttentionParameters<LinearParameters>,
  query: tf.Tensor,
  keyValue: tf.Tensor,
  options: MultiHeadAttentionOptions,
): tf.Tensor3D {
  const { heads, rate = 0, random } = options;
  const [B, Lq, D] = query.shape as [number, number, number];
  const Lk = keyValue.shape[1]!;
  const bias = options.bias ?? attentionBias(Lq, Lk, options);
  const [q, k, v] = query === keyValue ? projectTogether(p, query) : projectApart(p, query, keyValue, D);
  const keep = random && rate > 0 ? random.keepMask([B, heads, Lq, Lk], rate) : undefined;
  const mixed = attention(q, k, v, { heads, bias, keep });
  return linear(mixed, p.outProjection.weight, p.outProjection.bias) as tf.Tensor3D;
}

type Projected = [q: tf.Tensor, k: tf.Tensor, v: tf.Tensor];

function projectTogether(p: AttentionParameters<LinearParameters>, x: tf.Tensor): Projected {
  return tf.split(linear(x, p.inProjection.weight, p.inProjection.bias), 3, -1) as Projected;
}

function projectApart(
  p: AttentionParameters<LinearParameters>,
  query: tf.Tensor,
  keyValue: tf.Tensor,
  width: number,
): Projected {
  const [queryWeight, otherWeight] = tf.split(p.inProjection.weight, [width, 2 * width], 0);
  const { bias } = p.inProjection;
  const [queryBias, otherBias] = bias ? tf.split(bias, [width, 2 * width], 0) : [];
  const [k, v] = tf.split(linear(keyValue, otherWeight!, otherBias), 2, -1);
  return [linear(query, queryWeight!, queryBias), k!, v!];
}
