import { dropout, gelu, layerNorm, linear, type RandomSource, type RandomStream, tf } from '@ferry/engine';
import { type AttentionParameters, createAttention, multiHeadAttention } from './attention.ts';
import type { Initializer } from './init.ts';
import {
  type BiasedLinearParameters,
  createLayerNorm,
  createLinear,
  type LayerNormParameters,
} from './layers.ts';

/** Parameters of {@link transformerEncoderLayer}. */
export type EncoderLayerParameters = {
  /** Attention of the sequence to itself. */
  readonly selfAttention: AttentionParameters;
  /** First half of the feed-forward block, [F, D]. */
  readonly linear1: BiasedLinearParameters;
  /** Second half of the feed-forward block, [D, F]. */
  readonly linear2: BiasedLinearParameters;
  /** Normalisation beside self-attention. */
  readonly norm1: LayerNormParameters;
  /** Normalisation beside the feed-forward block. */
  readonly norm2: LayerNormParameters;
};

/** Parameters of {@link transformerDecoderLayer}. */
export type DecoderLayerParameters = {
  /** Attention of the sequence to itself. */
  readonly selfAttention: AttentionParameters;
  /** Attention of the sequence to the memory. */
  readonly crossAttention: AttentionParameters;
  /** First half of the feed-forward block, [F, D]. */
  readonly linear1: BiasedLinearParameters;
  /** Second half of the feed-forward block, [D, F]. */
  readonly linear2: BiasedLinearParameters;
  /** Normalisation beside self-attention. */
  readonly norm1: LayerNormParameters;
  /** Normalisation beside cross-attention. */
  readonly norm2: LayerNormParameters;
  /** Normalisation beside the feed-forward block. */
  readonly norm3: LayerNormParameters;
};

/** Sizes and first weights of a transformer layer. */
export interface TransformerLayerSizes {
  /** D */
  width: number;
  /** F, the inner width of the feed-forward block. */
  feedForward: number;
  /**
   * First weights of the linear layers and the attention's output projection, whose biases then start at 0.
   * Default: as a single layer of PyTorch.
   */
  init?: Initializer;
  /** First weights of the attention's input projections. Default Xavier-uniform, as PyTorch. */
  attentionInit?: Initializer;
}

/** Parameters of an encoder layer. */
export function createEncoderLayer(
  sizes: TransformerLayerSizes,
  random: RandomStream,
): EncoderLayerParameters {
  const { width } = sizes;
  return {
    selfAttention: createLayerAttention(sizes, random),
    ...createFeedForward(sizes, random),
    norm1: createLayerNorm(width),
    norm2: createLayerNorm(width),
  };
}

/** Parameters of a decoder layer. */
export function createDecoderLayer(
  sizes: TransformerLayerSizes,
  random: RandomStream,
): DecoderLayerParameters {
  const { width } = sizes;
  return {
    selfAttention: createLayerAttention(sizes, random),
    crossAttention: createLayerAttention(sizes, random),
    ...createFeedForward(sizes, random),
    norm1: createLayerNorm(width),
    norm2: createLayerNorm(width),
    norm3: createLayerNorm(width),
  };
}

function createLayerAttention(sizes: TransformerLayerSizes, random: RandomStream): AttentionParameters {
  return createAttention(sizes.width, random, {
    inProjection: sizes.attentionInit,
    outProjection: sizes.init,
  });
}

function createFeedForward({ width, feedForward, init }: TransformerLayerSizes, random: RandomStream) {
  return {
    linear1: createLinear({ inputs: width, outputs: feedForward, init }, random),
    linear2: createLinear({ inputs: feedForward, outputs: width, init }, random),
  };
}

/** How a transformer layer computes; the defaults are torch.nn.Transformer's but for GELU and no dropout. */
export interface TransformerLayerOptions {
  /** H; must divide D. */
  heads: number;
  /**
   * Where a block's normalisation stands: after its residual sum (`post`), before the block (`pre`), or before the
   * queries and the residual (`query`), see {@link transformerEncoderLayer}. Default `post`.
   */
  norm?: 'post' | 'pre' | 'query';
  /** Inner activation of the feed-forward block; GELU is the exact one. Default 'gelu'. */
  activation?: 'gelu' | 'relu';
  /** Dropout of each block's output, and of what has no rate of its own. Default 0. */
  rate?: number;
  /** Dropout of attention weights. Default `rate`. */
  attentionRate?: number;
  /** Dropout of the inner activation. Default `rate`. */
  innerRate?: number;
  /** The step's random source; without it (evaluation) nothing is dropped. */
  random?: RandomSource;
  /** Added to the variance in layer normalisation. Default 1e-5. */
  epsilon?: number;
  /** [B, L], bool or float: 1 hides a position of x as a key of self-attention. */
  hidden?: tf.Tensor;
  /** Position i sees positions 0..i only. Default false. */
  causal?: boolean;
  /** `attentionBias` made beforehand, instead of `hidden` and `causal`. */
  bias?: tf.Tensor;
  /**
   * Rows of x to compute, [B, Lq, D], where the caller reads no others; keys and values still come from all of x. The
   * result equals these rows of the full result, for less work. Not with `causal`. Default x itself.
   */
  query?: tf.Tensor;
}

/** {@link TransformerLayerOptions} of a layer that also looks at a memory. */
export interface DecoderLayerOptions extends TransformerLayerOptions {
  /** [B, Lm], bool or float: 1 hides a position of the memory. */
  memoryHidden?: tf.Tensor;
  /** `attentionBias` of the memory made beforehand, instead of `memoryHidden`. */
  memoryBias?: tf.Tensor;
}

/**
 * One transformer encoder layer, as torch.nn.TransformerEncoderLayer. Post-norm (Vaswani et al. 2017, section 3.1):
 * `h = norm1(x + attention(x))`, `y = norm2(h + feedForward(h))`; pre-norm: `h = x + attention(norm1(x))`,
 * `y = h + feedForward(norm2(h))`. Besides, what the code of SASRec's authors does (Kang and McAuley 2018; their paper
 * has pre-norm): with `q = norm1(x)`, `h = q + attention(q; keys and values x)`, whose output is not dropped, and with
 * `f = norm2(h)`, `y = f + feedForward(f)`.
 *
 * @param p - Parameters.
 * @param x - [B, L, D]
 * @param options - Heads, order, masks, dropout.
 * @returns [B, L, D], or [B, Lq, D] with `query`.
 */
export function transformerEncoderLayer(
  p: EncoderLayerParameters,
  x: tf.Tensor,
  options: TransformerLayerOptions,
): tf.Tensor3D {
  const h = selfAttentionBlock(p, x, options);
  return residual(p.norm2, h, (y) => feedForward(p, y, options), options);
}

/**
 * One transformer decoder layer, as torch.nn.TransformerDecoderLayer: self-attention, attention to the memory, and the
 * feed-forward block, each with a residual sum and a normalisation after it (post-norm) or before it (pre-norm). The
 * memory is never normalised here.
 *
 * @param p - Parameters.
 * @param x - [B, L, D]
 * @param memory - [B, Lm, D]
 * @param options - Heads, order, masks, dropout.
 * @returns [B, L, D], or [B, Lq, D] with `query`.
 */
export function transformerDecoderLayer(
  p: DecoderLayerParameters,
  x: tf.Tensor,
  memory: tf.Tensor,
  options: DecoderLayerOptions,
): tf.Tensor3D {
  const { heads, rate, attentionRate = rate, random, memoryHidden, memoryBias } = options;
  const h = selfAttentionBlock(p, x, options);
  const g = residual(
    p.norm2,
    h,
    (y) =>
      multiHeadAttention(p.crossAttention, y, memory, {
        heads,
        rate: attentionRate,
        random,
        hidden: memoryHidden,
        bias: memoryBias,
      }),
    options,
  );
  return residual(p.norm3, g, (y) => feedForward(p, y, options), options);
}

/** Self-attention with its residual sum and normalisation, for the rows asked for. */
function selfAttentionBlock(
  p: Pick<EncoderLayerParameters, 'selfAttention' | 'norm1'>,
  x: tf.Tensor,
  options: TransformerLayerOptions,
): tf.Tensor3D {
  const { heads, hidden, causal = false, bias, rate, random, norm, query = x } = options;
  const { attentionRate = rate } = options;
  if (query !== x && causal)
    throw new Error('transformerEncoderLayer: query cannot be used with causal, got both');
  const others = (q: tf.Tensor): tf.Tensor => {
    if (norm !== 'pre') return x;
    return query === x ? q : layerNorm(x, p.norm1.weight, p.norm1.bias, options.epsilon);
  };
  return residual(
    p.norm1,
    query,
    (q) =>
      multiHeadAttention(p.selfAttention, q, others(q), {
        heads,
        hidden,
        causal,
        bias,
        rate: attentionRate,
        random,
      }),
    norm === 'query' ? { ...options, rate: 0 } : options,
  );
}

function feedForward(
  p: Pick<EncoderLayerParameters, 'linear1' | 'linear2'>,
  x: tf.Tensor,
  { activation = 'gelu', rate = 0, innerRate = rate, random }: TransformerLayerOptions,
): tf.Tensor {
  const inner = linear(x, p.linear1.weight, p.linear1.bias);
  const active = activation === 'gelu' ? gelu(inner) : tf.relu(inner);
  return linear(dropout(active, innerRate, random), p.linear2.weight, p.linear2.bias);
}

/** `norm(x + block(x))`, `x + block(norm(x))` or `norm(x) + block(norm(x))`; dropout on the block's output. */
function residual(
  { weight, bias }: LayerNormParameters,
  x: tf.Tensor,
  block: (x: tf.Tensor) => tf.Tensor,
  { norm = 'post', rate = 0, random, epsilon }: TransformerLayerOptions,
): tf.Tensor3D {
  const normalised = (y: tf.Tensor) => layerNorm(y, weight, bias, epsilon);
  const input = norm === 'post' ? x : normalised(x);
  const sum = tf.add(norm === 'query' ? input : x, dropout(block(input), rate, random));
  return (norm === 'post' ? normalised(sum) : sum) as tf.Tensor3D;
}
