/**
 * Encoders that are trained with a model of news: what they make of the news of a step stands for pre-computed vectors, or
 * is read token by token.
 */
import { type RandomSource, tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import type { Parameters } from '@ferry/nn';
import { encodedVectors, tableTensors } from '@ferry/training';
import type {
  EncodedInputs,
  EncodedNews,
  NewsCatalogue,
  NewsInputs,
  TokenInputs,
  VectorInputs,
} from './contract.ts';

/** The modalities of some encoders. */
const modalitiesOf = ({ encoders }: EncodedNews): Modality[] => Object.keys(encoders) as Modality[];

/**
 * What encoders read of some news, as tensors of the caller's own.
 *
 * @param numbers - Numbers of news, [n].
 * @param content - Whether what they read themselves is wanted; not so where the news pass in parts.
 */
export function encodedInputs(encoded: EncodedNews, numbers: Int32Array, content: boolean): EncodedInputs {
  const { content: tables, present } = encoded;
  const n = numbers.length;
  const of = (make: (modality: Modality) => tf.Tensor2D | undefined): EncodedInputs['present'] =>
    Object.fromEntries(
      modalitiesOf(encoded).flatMap((modality) => {
        const made = make(modality);
        return made ? [[modality, made]] : [];
      }),
    );
  return {
    content: content ? tableTensors(tables, numbers) : {},
    present: of((modality) =>
      tf.tensor2d(
        Float32Array.from(numbers, (number) => present[modality]![number]!),
        [n, 1],
      ),
    ),
    hidden: of((modality) => {
      const mask = tables[`${modality}.mask`];
      if (!mask) return undefined;
      const there = Float32Array.from(mask.read(numbers), (token) => 1 - token);
      return tf.tensor2d(there, [n, mask.shape[1]!]);
    }),
  };
}

/**
 * The news of a step with what encoders make of them, each once: a vector of each, or the vectors of its tokens.
 *
 * @param p - All weights of the recommender.
 * @param random - Of a training step; absent otherwise.
 */
export function withEncoded(
  { encoded }: Pick<NewsCatalogue, 'encoded'>,
  p: Parameters,
  { encoded: read, ...inputs }: NewsInputs,
  random: RandomSource | undefined,
): NewsInputs {
  if (!encoded || !read) return inputs;
  const vectors: Partial<Record<Modality, VectorInputs>> = { ...inputs.vectors };
  const tokens: Partial<Record<Modality, TokenInputs>> = {};
  const made = encodedVectors(encoded.encoders, p, read.content, random);
  for (const [modality, values] of Object.entries(made) as [Modality, tf.Tensor][]) {
    const present = read.present[modality]!;
    const hidden = read.hidden[modality];
    if (values.rank === 3) tokens[modality] = { values: values as tf.Tensor3D, present, hidden };
    // Whatever an encoder makes of nothing is nothing.
    else vectors[modality] = { values: tf.mul(values, present), present };
  }
  return { ...inputs, vectors, tokens };
}
