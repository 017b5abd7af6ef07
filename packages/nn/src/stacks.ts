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
  /** int32 [B]: the one position of each sequence that is read; the last layer computes no other. Default all. */
  readAt?: tf.Tensor;
};

/**
 * A stack of encoder layers in which position i sees positions 0..i only, and the final normalisation. Sequences padded on the right need no
 * further mask: padding lies in the future of all that is read.
 *
 * @param p - Parameters.
 * @param x - [B, L, D]
 * @param options - As of a layer; which position is read.
 * @returns [B, L, D], or [B, 1, D] with `readAt`.
 */
export function causalEncoder(
  p: EncoderParameters,
  x: tf.Tensor,
  { readAt, ...options }: CausalEncoderOptions,
): tf.Tensor3D {
  const [B, L] = x.shape as [number, number];
  const bias = attentionBias(L, L, { causal: true });
  const read = readAt && ((h: tf.Tensor) => gatherPositions(h, readAt));
  return runStack(p, x, { ...options, read }, (layer, h, query) => {
    if (!query) return transformerEncoderLayer(layer, h, { ...options, bias });
    const columns = tf.reshape(tf.range(0, L, 1, 'int32'), [1, L]);
    const hidden = tf.greater(columns, tf.reshape(readAt!, [B, 1]));
    return transformerEncoderLayer(layer, h, { ...options, bias: attentionBias(1, L, { hidden }), query });
  });
}

/**
 * A stack of encoder layers and the final normalisation, as torch.nn.TransformerEncoder. With `read`, the last layer and
 * the normalisation compute only the rows that it picks.
 *
 * @param p - Parameters.
 * @param x - [B, L, D]
 * @param options - As of a layer; `read` picks the rows the last layer computes, e.g.
 * `(x) => gatherPositions(x, lengths - 1)`.
 * @returns [B, L, D], or [B, Lq, D] with `read`.
 */
export function transformerEncoder(
  p: EncoderParameters,
  x: tf.Tensor,
  options: StackOptions<TransformerLayerOptions>,
): tf.Tensor3D {
  const shared = { ...options, bias: selfBias(x, options) };
  return runStack(p, x, options, (layer, h, query) =>
    transformerEncoderLayer(layer, h, { ...shared, query }),
  );
}

/**
 * A stack of decoder layers over a memory and the final normalisation, as torch.nn.TransformerDecoder.
 *
 * @param p - Parameters.
 * @param x - [B, L, D]
 * @param memory - [B, Lm, D]
 * @param options - As of a layer; `read` picks the rows the last layer computes, e.g.
 * `(x) => gatherPositions(x, lengths - 1)`.
 * @returns [B, L, D], or [B, Lq, D] with `read`.
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
  const shared = { ...options, bias: selfBias(x, options), memoryBias };
  return runStack(p, x, options, (layer, h, query) =>
    transformerDecoderLayer(layer, h, memory, { ...shared, query }),
  );
}

/** Options of a stack: those of a layer, with `read` in place of `query`. */
export type StackOptions<Options extends TransformerLayerOptions> = Omit<Options, 'query'> & {
  /**
   * Picks from the last layer's input [B, L, D] the rows [B, Lq, D] that are read; the rest of that layer is not
   * computed. Not with `causal`. Default all rows.
   */
  read?: (x: tf.Tensor) => tf.Tensor;
};

/** The mask of self-attention, made once for all layers. */
function selfBias(x: tf.Tensor, options: StackOptions<TransformerLayerOptions>): tf.Tensor | undefined {
  const length = x.shape[1]!;
  return options.bias ?? attentionBias(length, length, options);
}

function runStack<Layer>(
  p: {
    readonly layers: Readonly<Record<string, Layer>>;
    readonly norm?: LayerNormParameters;
  },
  x: tf.Tensor,
  { read, epsilon }: Pick<StackOptions<TransformerLayerOptions>, 'read' | 'epsilon'>,
  run: (layer: Layer, x: tf.Tensor, query: tf.Tensor | undefined) => tf.Tensor3D,
): tf.Tensor3D {
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
