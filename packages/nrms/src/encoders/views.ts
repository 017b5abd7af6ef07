import { linear, type RandomStream, tf } from '@ferry/engine';
import {
  additiveAttention,
  type AdditiveAttentionParameters,
  type BiasedLinearParameters,
  createAdditiveAttention,
  createEmbedding,
  createLinear,
  embed,
  type EmbeddingParameters,
  init,
  paddingMask,
} from '@ferry/nn';
import type { Part } from './fusion.ts';

/** Weights of a view that is one label: a vector for each, and a dense layer (Wu et al., NAML, IJCAI 2019, eq. 6). */
export type LabelParameters = {
  /** Vectors of the labels, [labels, W]; row 0 is padding. */
  readonly table: EmbeddingParameters;
  /** W to D. */
  readonly projection: BiasedLinearParameters;
};

/** Weights of a label view. @param sizes - `count`: labels, 0 for none among them. */
export function createLabelView(
  { count, labelWidth, width }: { count: number; labelWidth: number; width: number },
  random: RandomStream,
): LabelParameters {
  return {
    table: createEmbedding(
      { count, width: labelWidth, init: init.normal(0.1), padding: 0 },
      random.split('table'),
    ),
    projection: createLinear({ inputs: labelWidth, outputs: width }, random.split('projection')),
  };
}

/** Vectors of labels; label 0 is none. */
export function labelVectors({ table, projection }: LabelParameters, labels: tf.Tensor1D): Part {
  const present = tf.expandDims<tf.Tensor2D>(tf.sub(1, paddingMask(labels)), 1);
  const dense = linear(embed(table, labels), projection.weight, projection.bias);
  return { values: tf.mul(tf.relu(dense), present), present };
}

/** How the vectors of several views become one. */
export const viewJoins = ['attention', 'concat'] as const;

/** Weights of what joins views. */
export type ViewJoinParameters = {
  /** Attention over the views (NAML, eq. 7 to 9). */
  readonly attention?: AdditiveAttentionParameters;
  /** Of all views side by side, [D, V * D]. */
  readonly projection?: BiasedLinearParameters;
};

/** Weights that join V views of width D. */
export function createViewJoin(
  sizes: { join: (typeof viewJoins)[number]; views: number; width: number; queryWidth: number },
  random: RandomStream,
): ViewJoinParameters {
  const { join, views, width, queryWidth } = sizes;
  return join === 'attention'
    ? { attention: createAdditiveAttention({ width, hidden: queryWidth }, random) }
    : { projection: createLinear({ inputs: views * width, outputs: width }, random) };
}

/**
 * One vector of several views. In attention a view that a news lacks takes no part; a news that lacks all has the zero
 * vector.
 */
export function joinViews({ attention, projection }: ViewJoinParameters, views: readonly Part[]): Part {
  const all = views.map(({ values }) => values);
  const there = tf.concat(
    views.map(({ present }) => present),
    1,
  );
  const present = tf.max<tf.Tensor2D>(there, 1, true);
  if (projection) {
    const values = linear(tf.concat(all, 1), projection.weight, projection.bias) as tf.Tensor2D;
    return { values: tf.mul(values, present), present };
  }
  return {
    values: additiveAttention(attention!, tf.stack(all, 1), { hidden: tf.sub(1, there) }).output,
    present,
  };
}
