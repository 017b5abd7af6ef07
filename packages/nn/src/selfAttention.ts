import { attention, linear, type RandomSource, type RandomStream, tf } from '@ferry/engine';
import { attentionBias } from './attention.ts';
import { init, type Initializer } from './init.ts';
import { createLinear, type LinearParameters } from './layers.ts';

/** Parameters of {@link selfAttention}. */
export type SelfAttentionParameters = {
  /** Query, key and value projections stacked: weight [3O, I], bias [3O] if there is one. */
  readonly inProjection: LinearParameters;
  /** Projection of the joined heads, [O, O], if there is one. */
  readonly outProjection?: LinearParameters;
};

/** Options of {@link createSelfAttention}. */
export interface SelfAttentionSizes {
  /** I, the width of the input. */
  inputs: number;
  /** O, the width of all heads together. */
  outputs: number;
  /** Whether projections have a bias. Default false. */
  bias?: boolean;
  /** Whether the joined heads are projected once more. Default false. */
  outProjection?: boolean;
  /** First weights of each projection. Default Xavier-uniform over that projection alone, [O, I]; biases start at 0. */
  init?: Initializer;
}

/** Parameters of a self-attention from width I to width O. */
export function createSelfAttention(
  sizes: SelfAttentionSizes,
  random: RandomStream,
): SelfAttentionParameters {
  const { inputs, outputs, bias = false, outProjection = false } = sizes;
  const first = sizes.init ?? init.xavierUniform;
  // Query, key and value are layers of their own, whatever the stack of them looks like.
  const stacked: Initializer = (_shape, stream) => {
    const values = new Float32Array(3 * outputs * inputs);
    for (let part = 0; part < 3; part++)
      values.set(first([outputs, inputs], stream), part * outputs * inputs);
    return values;
  };
  const layer = (I: number, O: number, initial: Initializer): LinearParameters =>
    bias
      ? createLinear({ inputs: I, outputs: O, init: initial }, random)
      : createLinear({ inputs: I, outputs: O, init: initial, bias: false }, random);
  return {
    inProjection: layer(inputs, 3 * outputs, stacked),
    ...(outProjection && { outProjection: layer(outputs, outputs, first) }),
  };
}

/** Options of {@link selfAttention}. */
export interface SelfAttentionOptions {
  /** H; must divide O. */
  heads: number;
  /** [B, L], bool or float: 1 hides a position from all. */
  hidden?: tf.Tensor;
  /** Dropout of the attention weights. Default 0. */
  rate?: number;
  /** The step's random source; without it (evaluation) nothing is dropped. */
  random?: RandomSource;
}

/**
 * Multi-head self-attention that may change the width, with or without a projection of the joined heads (Wu et al.
 * 2019, NRMS, eq. 1 and 2, with separate query and key projections and scores divided by √(O / H)). With biases and an
 * output projection, and I = O, it is torch.nn.MultiheadAttention's.
 *
 * A sequence of which everything is hidden gets the plain mean of its values: such rows mean nothing and must not be
 * read.
 *
 * @param p - Parameters.
 * @param x - [B, L, I]
 * @param options - Heads, mask, dropout.
 * @returns [B, L, O]
 */
export function selfAttention(
  p: SelfAttentionParameters,
  x: tf.Tensor,
  { heads, hidden, rate = 0, random }: SelfAttentionOptions,
): tf.Tensor3D {
  const [B, L] = x.shape as [number, number, number];
  const { weight, bias: shift } = p.inProjection;
  const [q, k, v] = tf.split(linear(x, weight, shift), 3, -1) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const bias = hidden && attentionBias(L, L, { hidden });
  const keep = random && rate > 0 ? random.keepMask([B, heads, L, L], rate) : undefined;
  const mixed = attention(q, k, v, { heads, bias, keep });
  return p.outProjection
    ? (linear(mixed, p.outProjection.weight, p.outProjection.bias) as tf.Tensor3D)
    : mixed;
}
