import { layerNorm, type RandomStream, tf } from '@ferry/engine';
import { attentionBias } from './attention.ts';
import { createLayerNorm, type LayerNormParameters } from './layers.ts';
import { gatherPositions } from './positions.ts';
import {
  createDecoderLayer,
  createEncoderLayer,
  type DecoderLayerOptions,
  type DecoderLayerParameters,
  type EncoderLayerParameters,
  transformerDecoderLayer,
  transformerEncoderLayer,
  type TransformerLayerOptions,
  type TransformerLayerSizes,
} from './transformer.ts';

/** Parameters of {@link transformerEncoder}. */
export type EncoderParameters = {
  /** Layers by number, '0' first. */
  readonly layers: Readonly<Record<string, EncoderLayerParameters>>;
  /** Normalisation after the last layer, if any. */
  readonly norm?: LayerNormParameters;
};

/** Parameters of {@link transformerDecoder}. */
export type DecoderParameters = {
  /** Layers by number, '0' first. */
  readonly layers: Readonly<Record<string, DecoderLayerParameters>>;
  /** Normalisation after the last layer, if any. */
  readonly norm?: LayerNormParameters;
};

/** Sizes of a stack of transformer layers. */
export interface TransformerSizes extends TransformerLayerSizes {
  /** Number of layers. */
  layers: number;
  /** Whether a normalisation follows the last layer, as in torch.nn.Transformer for both norm orders. Default true. */
  finalNorm?: boolean;
}

/** Parameters of a stack of encoder layers. */
export function createEncoder(sizes: TransformerSizes, random: RandomStream): EncoderParameters {
  return createStack(sizes, () => createEncoderLayer(sizes, random));
}

/** Parameters of a stack of decoder layers. */
export function createDecoder(sizes: TransformerSizes, random: RandomStream): DecoderParameters {
  return createStack(sizes, () => createDecoderLayer(sizes, random));
}

function createStack<Layer>({ layers, width, finalNorm = true }: TransformerSizes, create: () => Layer) {
  const stack = Object.fromEntries(Array.from({ length: layers }, (_, i) => [String(i), create()]));
  return finalNorm ? { layers: stack, norm: createLayerNorm(width) } : { layers: stack };
}

/** Options of {@link causalEncoder}. */
export type CausalEncoderOptions = Omit<TransformerLayerOptions, 'hidden' | 'causal' | 'bias' | 'query'> & {
  /**
   * int32 [B] or [B, Q]: the positions of each sequence that are read; the last layer computes no other. Default all.
   */
  readAt?: tf.Tensor;
};

/**
 * A stack of encoder layers in which position i sees positions 0..i only, and the final normalisation. Sequences padded
 * on the right need no further mask: padding lies in the future of all that is read.
 *
 * @param p - Parameters.
 * @param x - [B, L, D]
 * @param options - As of a layer; which position is read.
 * @returns [B, L, D], or [B, 1, D] or [B, Q, D] with `readAt`.
 */
export function causalEncoder(
  p: EncoderParameters,
  x: tf.Tensor,
  options: CausalEncoderOptions,
): tf.Tensor3D {
  return transformerEncoder(p, x, { ...options, causal: true });
}

/**
 * A stack of encoder layers and the final normalisation, as torch.nn.TransformerEncoder. With `read` or `readAt`, the
 * last layer and the normalisation compute only what is read.
 *
 * @param p - Parameters.
 * @param x - [B, L, D]
 * @param options - As of a layer; what is read.
 * @returns [B, L, D], or [B, Lq, D] of what is read.
 */
export function transformerEncoder(
  p: EncoderParameters,
  x: tf.Tensor,
  options: StackOptions<TransformerLayerOptions>,
): tf.Tensor3D {
  const { whole, chosen } = biases(x, options);
  return runStack(p, x, options, (layer, h, query) =>
    transformerEncoderLayer(layer, h, query ? { ...options, ...chosen(), query } : { ...options, ...whole }),
  );
}

/**
 * A stack of decoder layers over a memory and the final normalisation, as torch.nn.TransformerDecoder.
 *
 * @param p - Parameters.
 * @param x - [B, L, D]
 * @param memory - [B, Lm, D]
 * @param options - As of a layer; what is read.
 * @returns [B, L, D], or [B, Lq, D] of what is read.
 */
export function transformerDecoder(
  p: DecoderParameters,
  x: tf.Tensor,
  memory: tf.Tensor,
  options: StackOptions<DecoderLayerOptions>,
): tf.Tensor3D {
  const length = x.shape[1]!;
  const memoryBias =
    options.memoryBias ?? attentionBias(length, memory.shape[1]!, { hidden: options.memoryHidden });
  const shared = { ...options, memoryBias };
  const { whole, chosen } = biases(x, options);
  return runStack(p, x, options, (layer, h, query) =>
    transformerDecoderLayer(
      layer,
      h,
      memory,
      query ? { ...shared, ...chosen(), query } : { ...shared, ...whole },
    ),
  );
}

/** Options of a stack: those of a layer, with `readAt` or `read` in place of `query`. */
export type StackOptions<Options extends TransformerLayerOptions> = Omit<Options, 'query'> & {
  /**
   * int32 [B] or [B, Q]: the positions of each sequence that are read; the rest of the last layer is not computed. Not
   * with `bias`. Default all.
   */
  readAt?: tf.Tensor;
  /**
   * Picks from the last layer's input [B, L, D] the rows [B, Lq, D] that are read, whatever these are. Not with
   * `causal`.
   */
  read?: (x: tf.Tensor) => tf.Tensor;
};

/** A mask of self-attention in place of what it is made from. */
interface SelfMask {
  bias: tf.Tensor | undefined;
  causal: false;
}

/** Masks of self-attention: of whole layers, made once, and of the rows of the last that are read. */
function biases(
  x: tf.Tensor,
  options: StackOptions<TransformerLayerOptions>,
): { whole: SelfMask; chosen: () => SelfMask } {
  const [B, L] = x.shape as [number, number];
  const { readAt, read, causal = false, hidden } = options;
  if (read && (causal || readAt))
    throw new Error(
      'transformer: read cannot be used with causal or readAt: say the positions by readAt alone',
    );
  if (readAt && options.bias) throw new Error('transformer: readAt cannot be used with bias, got both');
  const whole: SelfMask = { bias: options.bias ?? attentionBias(L, L, options), causal: false };
  if (!readAt || !causal) return { whole, chosen: () => whole };
  return {
    whole,
    chosen: () => {
      const columns = tf.range(0, L, 1, 'int32');
      // [B, L], or [B, Q, L]
      const later =
        readAt.rank === 1
          ? tf.greater(tf.reshape(columns, [1, L]), tf.reshape(readAt, [B, 1]))
          : tf.greater(tf.reshape(columns, [1, 1, L]), tf.reshape(readAt, [B, -1, 1]));
      const padding =
        hidden && (readAt.rank === 1 ? hidden : tf.reshape(tf.cast(hidden, 'float32'), [B, 1, L]));
      const out = padding ? tf.maximum(tf.cast(later, 'float32'), tf.cast(padding, 'float32')) : later;
      return { bias: attentionBias(readAt.shape[1] ?? 1, L, { hidden: out }), causal: false };
    },
  };
}

function runStack<Layer>(
  p: {
    readonly layers: Readonly<Record<string, Layer>>;
    readonly norm?: LayerNormParameters;
  },
  x: tf.Tensor,
  options: Pick<StackOptions<TransformerLayerOptions>, 'read' | 'readAt' | 'epsilon'>,
  run: (layer: Layer, x: tf.Tensor, query: tf.Tensor | undefined) => tf.Tensor3D,
): tf.Tensor3D {
  const { readAt, epsilon } = options;
  const read = readAt ? (h: tf.Tensor) => gatherPositions(h, readAt) : options.read;
  const count = Object.keys(p.layers).length;
  let h = x;
  for (let i = 0; i < count; i++) {
    const layer = p.layers[String(i)];
    if (!layer)
      throw new Error(
        `transformer: layers must be numbered from 0, got keys ${Object.keys(p.layers).join(', ')}`,
      );
    h = run(layer, h, read && i === count - 1 ? read(h) : undefined);
  }
  return (p.norm ? layerNorm(h, p.norm.weight, p.norm.bias, epsilon) : h) as tf.Tensor3D;
}
