/**
 * Encoders that are trained with a model, whatever the model does with what they make of items.
 *
 * V items of a step, F width of an encoder's vectors.
 */
import type { RandomSource, tf } from '@ferry/engine';
import type { Parameters } from '@ferry/nn';
import type { ItemEncoder, ItemEncoders } from './itemEncoder.ts';

/** Weights of the encoders, beside a model's own: `encoders.text.layers.0.attention.query.weight` … */
export function encoderParameters(encoders: ItemEncoders | undefined): Parameters {
  if (!encoders) return {};
  return {
    encoders: Object.fromEntries(
      Object.entries(encoders).map(([modality, { parameters }]) => [modality, parameters]),
    ),
  };
}

/** Full names of the encoders' weights that are never trained. */
export function frozenEncoderWeights(
  encoders: ItemEncoders | undefined,
  names: Iterable<string>,
): Set<string> {
  const trained = new Set(
    Object.entries(encoders ?? {}).flatMap(([modality, encoder]) =>
      encoder.trained.map((name) => `encoders.${modality}.${name}`),
    ),
  );
  return new Set([...names].filter((name) => name.startsWith('encoders.') && !trained.has(name)));
}

/**
 * What encoders make of items, by modality: each item passes once, however often a step mentions it.
 *
 * @param p - All weights of the model, the encoders' among them.
 * @param content - What is held of the items, by modality and the encoder's own name, such as `text.ids`, [V, ...]. What
 *   is named `text.vectors` is taken as it is, instead of being made.
 * @returns [V, F] each, or [V, T, F] of an encoder of tokens.
 */
export function encodedVectors(
  encoders: ItemEncoders,
  p: Parameters,
  content: Readonly<Record<string, tf.Tensor>>,
  random?: RandomSource,
): Partial<Record<keyof ItemEncoders, tf.Tensor>> {
  const entries = Object.entries(encoders) as [keyof ItemEncoders, ItemEncoder][];
  return Object.fromEntries(
    entries.map(([modality, encoder]) => {
      const prefix = `${modality}.`;
      const read = Object.fromEntries(
        Object.entries(content).flatMap(([name, tensor]) =>
          name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
        ),
      );
      const own = (p['encoders'] as Parameters)[modality] as Parameters;
      return [modality, read['vectors'] ?? encoder.vectors(own, read, random)];
    }),
  );
}
