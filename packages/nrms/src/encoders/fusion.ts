import { linear, type RandomStream, tf } from '@ferry/engine';
import {
  type AttentionParameters,
  type BiasedLinearParameters,
  createAttention,
  createLinear,
  init,
  multiHeadAttention,
  parameter,
} from '@ferry/nn';

/** How the vector of a text and that of a picture become one (the thesis's HP, PA, C and CA). */
export const fusions = ['hadamard', 'sum', 'concat', 'cross-attention'] as const;

/** See {@link fusions}. */
export type Fusion = (typeof fusions)[number];

/** Weights of a fusion. */
export type FusionParameters = {
  /** Of both vectors side by side, [D, 2D]: concatenation. */
  readonly projection?: BiasedLinearParameters;
  /** Of the text to what there is: cross-attention. */
  readonly attention?: AttentionParameters;
  /** Stands for a picture that is not there, [D]. */
  readonly missing?: tf.Variable;
};

/** Weights of a fusion of vectors of width D. @param learned - Whether a vector stands for missing pictures. */
export function createFusion(
  { fusion, width, learned }: { fusion: Fusion; width: number; learned: boolean },
  random: RandomStream,
): FusionParameters {
  return {
    ...(fusion === 'concat' && {
      projection: createLinear({ inputs: 2 * width, outputs: width, init: init.xavierUniform }, random),
    }),
    ...(fusion === 'cross-attention' && { attention: createAttention(width, random) }),
    ...(learned && {
      missing: parameter(init.normal(0.1)([width], random.split('missing')), [width]),
    }),
  };
}

/** A vector of each news, and which news have it. */
export interface Part {
  /** [n, D]; zeros where there is none. */
  readonly values: tf.Tensor2D;
  /** 1 where there is one, [n, 1]. */
  readonly present: tf.Tensor2D;
}

/** The one where it is there, else the other: a choice that passes no gradient to what was not chosen. */
const either = (there: tf.Tensor, one: tf.Tensor2D, other: tf.Tensor2D): tf.Tensor2D =>
  tf.add(tf.mul(one, there), tf.mul(other, tf.sub(1, there)));

/**
 * One vector of text and picture. Where one of the two is missing, the other stands alone, whatever the fusion: a product
 * with zeros would annihilate it. Cross-attention: the text asks, text and picture answer, and the answer is added to the
 * text.
 *
 * @param heads - Of cross-attention.
 * @returns [n, D]
 */
export function fuse(
  p: FusionParameters,
  { fusion, heads }: { fusion: Fusion; heads: number },
  text: Part,
  picture: Part,
): tf.Tensor2D {
  const [n, D] = text.values.shape;
  const shown: Part = p.missing
    ? {
        values: either(
          picture.present,
          picture.values,
          tf.tile(tf.reshape<tf.Rank.R2>(p.missing, [1, D]), [n, 1]),
        ),
        present: tf.onesLike(picture.present),
      }
    : picture;
  const joined = ((): tf.Tensor2D => {
    if (fusion === 'hadamard') return tf.mul(text.values, shown.values);
    if (fusion === 'sum') return tf.add(text.values, shown.values);
    const { projection, attention } = p;
    if (projection)
      return linear(
        tf.concat([text.values, shown.values], 1),
        projection.weight,
        projection.bias,
      ) as tf.Tensor2D;
    const query = tf.expandDims(text.values, 1);
    const memory = tf.concat([query, tf.expandDims(shown.values, 1)], 1);
    return tf.add(text.values, tf.reshape(multiHeadAttention(attention!, query, memory, { heads }), [n, D]));
  })();
  return either(text.present, either(shown.present, joined, text.values), shown.values);
}
