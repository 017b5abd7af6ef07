import type { RandomStream, tf } from '@ferry/engine';
import {
  type BiasedLinearParameters,
  createDecoder,
  createEmbedding,
  createEncoder,
  createLayerNorm,
  createLinear,
  type DecoderParameters,
  type EmbeddingParameters,
  type EncoderParameters,
  init,
  type LayerNormParameters,
  parameter,
} from '@ferry/nn';
import { modalitiesOf } from '@ferry/sequential';
import { type MissRecOptions } from './options.ts';

/** All weights of a MISSRec model. */
export type MissRecParameters = {
  /** Text features to D: weight [D, F], bias [D]. */
  readonly textAdapter?: BiasedLinearParameters;
  /** Image features to D. */
  readonly imageAdapter?: BiasedLinearParameters;
  /** α of the adaptive fusion: [] shared, [N + 1] per item. */
  readonly fusionFactor?: tf.Variable;
  /** [positions, D], added to the decoder's tokens. */
  readonly positionEmbedding: EmbeddingParameters;
  /** Normalisation of the decoder's tokens. */
  readonly tokenNorm: LayerNormParameters;
  /** One layer over a row's interests, and its final normalisation. */
  readonly encoder: EncoderParameters;
  /** One layer over a row's tokens with attention to the encoded interests, and its final normalisation. */
  readonly decoder: DecoderParameters;
  /** [N + 1, D], row 0 of padding; only with IDs. */
  readonly itemEmbedding?: EmbeddingParameters;
};

/**
 * First weights as the released code draws them (spec 2.1, 2.3): linear layers and embeddings N(0, 0.02) with bias 0,
 * attention's input projections Xavier-uniform, adapters uniform in ±1/√F, layer normalisations 1 and 0, α = 0, the
 * padding row of the IDs 0.
 *
 * @param options - Sizes.
 * @param items - N, for IDs and for α per item.
 * @param random - Each part draws from a stream of its own, so that turning IDs on changes no other weight.
 */
export function createMissRecParameters(
  options: MissRecOptions,
  items: number,
  random: RandomStream,
): MissRecParameters {
  const { featureWidths, width, inner, positions } = options;
  const small = init.normal(0.02);
  const sizes = { layers: 1, width, feedForward: inner, init: small, attentionInit: init.xavierUniform };
  const adapter = (name: string, inputs?: number) =>
    inputs === undefined ? undefined : createLinear({ inputs, outputs: width }, random.split(name));
  const fused = modalitiesOf(options).length > 1 && options.itemFusion !== 'static';
  const alphas = options.itemFusion === 'per-item' ? [items + 1] : [];
  return {
    textAdapter: adapter('text adapter', featureWidths.text),
    imageAdapter: adapter('image adapter', featureWidths.image),
    fusionFactor: fused ? parameter(new Float32Array(alphas[0] ?? 1), alphas) : undefined,
    positionEmbedding: createEmbedding({ count: positions, width, init: small }, random.split('positions')),
    tokenNorm: createLayerNorm(width),
    encoder: createEncoder(sizes, random.split('encoder')),
    decoder: createDecoder(sizes, random.split('decoder')),
    itemEmbedding: options.ids
      ? createEmbedding({ count: items + 1, width, init: small, padding: 0 }, random.split('items'))
      : undefined,
  };
}
