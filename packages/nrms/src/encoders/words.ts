import { dropout, embedding, type RandomSource, type RandomStream, tf } from '@ferry/engine';
import {
  additiveAttention,
  type AdditiveAttentionParameters,
  type BiasedLinearParameters,
  createAdditiveAttention,
  createSelfAttention,
  paddingMask,
  selfAttention,
  type SelfAttentionParameters,
} from '@ferry/nn';
import { convolve, createConvolution } from './convolution.ts';

/** Weights of an encoder that pools a sequence: NRMS has one for the words of a news and one for the news of a user. */
export type PoolingEncoderParameters = {
  /** Attention of the sequence to itself, if there is any before it is pooled. */
  readonly attention?: SelfAttentionParameters;
  /** Filters over windows of it in place of attention, [D, window * inputs]. */
  readonly convolution?: BiasedLinearParameters;
  /** Attention that makes one vector of it. */
  readonly pooling: AdditiveAttentionParameters;
};

/** Sizes of {@link createPoolingEncoder}. */
export interface PoolingSizes {
  /** Width of what is pooled. */
  inputs: number;
  /** D, the width of the result: heads times the width of each. */
  width: number;
  /** Width of the additive attention's query. */
  queryWidth: number;
  /** Whether projections have biases and the joined heads are projected once more. */
  projected: boolean;
  /** Whether the sequence attends to itself before it is pooled. Default true, where there is no window. */
  attends?: boolean;
  /** Words of the window of a convolution in place of self-attention. */
  window?: number;
}

/** Weights of an encoder that pools a sequence. */
export function createPoolingEncoder(sizes: PoolingSizes, random: RandomStream): PoolingEncoderParameters {
  const { inputs, width, queryWidth, projected, window, attends = window === undefined } = sizes;
  return {
    ...(window !== undefined && {
      convolution: createConvolution({ inputs, filters: width, window }, random.split('convolution')),
    }),
    ...(attends && {
      attention: createSelfAttention(
        { inputs, outputs: width, bias: projected, outProjection: projected },
        random.split('attention'),
      ),
    }),
    pooling: createAdditiveAttention({ width, hidden: queryWidth }, random.split('pooling')),
  };
}

/** How a sequence is pooled. */
export interface PoolingOptions {
  /** H; divides D. */
  heads: number;
  /** [B, L]: 1 hides a position, as a key and from the pooling; without it all count. */
  hidden?: tf.Tensor;
  /** Dropout between the two attentions. Default 0. */
  rate?: number;
  /** The step's random source; without it (evaluation) nothing is dropped. */
  random?: RandomSource;
}

/**
 * Self-attention, then additive attention (Wu et al. 2019, NRMS, sections 2.1 and 2.2), or a convolution in place of the
 * first (NAML, section 2.1), or nothing. A sequence of which everything is hidden gives the zero vector.
 *
 * @param x - [B, L, inputs]
 * @returns [B, D]
 */
export function poolSequence(
  p: PoolingEncoderParameters,
  x: tf.Tensor,
  { heads, hidden, rate = 0, random }: PoolingOptions,
): tf.Tensor2D {
  const read = p.attention ? selfAttention(p.attention, x, { heads, hidden }) : x;
  const h = dropout(p.convolution ? convolve(p.convolution, read, hidden) : read, rate, random);
  return additiveAttention(p.pooling, h, { hidden }).output;
}

/**
 * {@link poolSequence} of all sequences of a batch taken for one: each position attends to those of every sequence, and
 * one softmax weighs them all. It is what a missing axis makes of a user encoder (the thesis's defect F1).
 *
 * @param x - [B, L, D]
 * @returns [B, D]: for each sequence the sum of its own positions, weighed.
 */
export function poolAcross(
  p: PoolingEncoderParameters,
  x: tf.Tensor3D,
  { heads, hidden }: Pick<PoolingOptions, 'heads' | 'hidden'>,
): tf.Tensor2D {
  const [B, L] = x.shape;
  const joined = tf.reshape(x, [1, B * L, -1]);
  const out = hidden && tf.reshape(hidden, [1, B * L]);
  const h = p.attention ? selfAttention(p.attention, joined, { heads, hidden: out }) : joined;
  const { weights } = additiveAttention(p.pooling, h, { hidden: out });
  return tf.reshape(tf.matMul(tf.reshape(weights, [B, 1, L]), tf.reshape(h, [B, L, -1])), [B, -1]);
}

/** How words are read. */
export interface WordOptions extends Omit<PoolingOptions, 'hidden'> {
  /** Dropout of the word vectors. */
  wordRate: number;
  /** Whether padding is hidden; where it is not, it is read as a word. */
  masked: boolean;
}

/**
 * Vectors of texts from the numbers of their words. A text without words gives the zero vector, where padding is hidden.
 *
 * @param table - Word vectors, [V, W]; row 0 is padding.
 * @param words - int32 [n, T], right-padded with 0.
 * @returns [n, D]
 */
export function encodeWords(
  p: PoolingEncoderParameters,
  table: tf.Tensor,
  words: tf.Tensor2D,
  { wordRate, masked, ...options }: WordOptions,
): tf.Tensor2D {
  const vectors = dropout(embedding(table, words), wordRate, options.random);
  return poolSequence(p, vectors, { ...options, hidden: masked ? paddingMask(words) : undefined });
}
