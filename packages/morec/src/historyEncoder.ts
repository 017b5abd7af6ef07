import type { RandomStream } from '@ferry/engine';
import {
  createEmbedding,
  createEncoder,
  createLayerNorm,
  type EmbeddingParameters,
  type EncoderParameters,
  type Initializer,
  type LayerNormParameters,
} from '@ferry/nn';

/** What makes tokens of a history states: positions, a normalisation, transformer blocks. D width. */
export type HistoryEncoderParameters = {
  /** [positions, D] */
  readonly positions: EmbeddingParameters;
  /** Normalisation of the input. */
  readonly inputNorm?: LayerNormParameters;
  /** The blocks, and the normalisation after the last. */
  readonly encoder: EncoderParameters;
};

/** Settings of {@link createHistoryEncoder}. */
export interface HistoryEncoderOptions {
  width: number;
  layers: number;
  /** Inner width of the feed-forward parts. */
  inner: number;
  positions: number;
  /** Whether the input is normalised. Default true. */
  inputNorm?: boolean;
  /** Whether a normalisation follows the last block. Default false. */
  finalNorm?: boolean;
}

/** Weights that begin as `first` makes them. */
export function createHistoryEncoder(
  { width, layers, inner, positions, inputNorm = true, finalNorm = false }: HistoryEncoderOptions,
  first: Initializer,
  random: RandomStream,
): HistoryEncoderParameters {
  return {
    positions: createEmbedding({ count: positions, width, init: first }, random.split('positions')),
    inputNorm: inputNorm ? createLayerNorm(width) : undefined,
    encoder: createEncoder(
      { layers, width, feedForward: inner, finalNorm, init: first, attentionInit: first },
      random.split('encoder'),
    ),
  };
}
