import { dropout, linear, type RandomSource, type RandomStream, tf } from '@ferry/engine';
import {
  type AttentionParameters,
  type BiasedLinearParameters,
  createAttention,
  createLayerNorm,
  createLinear,
  init,
  type LayerNormParameters,
  multiHeadAttention,
} from '@ferry/nn';

/** Weights of a layer of the thesis's transformer. */
export type PreNormLayerParameters = {
  /** Attention of the sequence to itself. */
  readonly selfAttention: AttentionParameters;
  /** First half of the feed-forward block. */
  readonly linear1: BiasedLinearParameters;
  /** Second half of it. */
  readonly linear2: BiasedLinearParameters;
  /** Normalisation before attention. */
  readonly norm1: LayerNormParameters;
  /** Normalisation before the feed-forward block. */
  readonly norm2: LayerNormParameters;
};

/** Weights of the thesis's transformer. */
export type PreNormEncoderParameters = {
  /** Layers by number, '0' first. */
  readonly layers: Readonly<Record<string, PreNormLayerParameters>>;
  /** Normalisation behind the last. */
  readonly norm: LayerNormParameters;
};

/** A normalisation whose gain and shift both begin at 1, as the thesis's do. */
function createNorm(width: number): LayerNormParameters {
  const norm = createLayerNorm(width);
  norm.bias.assign(tf.ones([width]));
  return norm;
}

/** Weights; every matrix begins Xavier-uniform. */
export function createPreNormEncoder(
  { layers, width, feedForward }: { layers: number; width: number; feedForward: number },
  random: RandomStream,
): PreNormEncoderParameters {
  const first = { init: init.xavierUniform };
  const layer = (stream: RandomStream): PreNormLayerParameters => ({
    selfAttention: createAttention(width, stream.split('attention'), { outProjection: init.xavierUniform }),
    linear1: createLinear({ inputs: width, outputs: feedForward, ...first }, stream.split('linear1')),
    linear2: createLinear({ inputs: feedForward, outputs: width, ...first }, stream.split('linear2')),
    norm1: createNorm(width),
    norm2: createNorm(width),
  });
  return {
    layers: Object.fromEntries(
      Array.from({ length: layers }, (_, at) => [String(at), layer(random.split('layer', at))]),
    ),
    norm: createNorm(width),
  };
}

/** The thesis's normalisation: `gain (x - mean) / (deviation + 1e-6) + shift`, with the unbiased deviation. */
export function thesisNorm<T extends tf.Tensor>({ weight, bias }: LayerNormParameters, x: T): T {
  const width = x.shape.at(-1)!;
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.div(tf.sum(tf.square(centred), -1, true), width - 1);
  // The floor keeps the gradient of the root finite where all numbers are equal.
  const deviation = tf.add(tf.sqrt(tf.maximum(variance, 1e-20)), 1e-6);
  return tf.add(tf.mul(weight, tf.div(centred, deviation)), bias);
}

/** How {@link preNormEncoder} computes. */
export interface PreNormOptions {
  /** Heads; divides D. */
  heads: number;
  /** [B, L]: 1 hides a position as a key. */
  hidden?: tf.Tensor;
  /** Dropout of attention weights, of the inner activation and of what each block gives. */
  rate: number;
  /** The step's random source; without it nothing is dropped. */
  random?: RandomSource;
}

/**
 * Transformer encoder with the normalisation before each block, ReLU, and {@link thesisNorm}: the thesis's.
 *
 * @param x - [B, L, D]
 * @returns [B, L, D]
 */
export function preNormEncoder(
  { layers, norm }: PreNormEncoderParameters,
  x: tf.Tensor3D,
  { heads, hidden, rate, random }: PreNormOptions,
): tf.Tensor3D {
  let h = x;
  for (const p of Object.values(layers)) {
    const seen = thesisNorm(p.norm1, h);
    const attended = multiHeadAttention(p.selfAttention, seen, seen, {
      heads,
      rate,
      hidden,
      random,
    });
    h = tf.add(h, dropout(attended, rate, random));
    const inner = tf.relu(linear(thesisNorm(p.norm2, h), p.linear1.weight, p.linear1.bias));
    const fed = linear(dropout(inner, rate, random), p.linear2.weight, p.linear2.bias) as tf.Tensor3D;
    h = tf.add(h, dropout(fed, rate, random));
  }
  return thesisNorm(norm, h);
}
