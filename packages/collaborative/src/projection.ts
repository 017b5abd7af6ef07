import { embedding, linear, type RandomStream, tf } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';
import { createLinear, type LinearParameters, parameter } from '@ferry/nn';
import { z } from 'zod';
import { normaliseRows } from './losses.ts';

/** In this order they are joined: pictures first, as in Elliot's configurations. */
export const modalities = ['image', 'text'] as const satisfies readonly Modality[];

/** How several modalities become one vector, for the settings of a model. */
export const combineSetting = z
  .enum(['concat', 'sum', 'mean', 'weighted'])
  .default('concat')
  .describe(
    'modalities side by side into one projection, or projected each and summed, averaged, or weighted by learned shares',
  );

/** How features are projected. */
export interface ProjectionOptions {
  /**
   * What becomes of several modalities: side by side into one projection, or projected each and summed, averaged, or
   * weighted.
   */
  combine: 'concat' | 'sum' | 'mean' | 'weighted';
  /** Whether projections have length 1 (each, where there are several). */
  normalise: boolean;
}

/** Weights of a projection. */
export type ProjectionParameters = {
  /** Of all modalities side by side. */
  readonly joint?: LinearParameters;
  /** Of each modality. */
  readonly image?: LinearParameters;
  /** Of each modality. */
  readonly text?: LinearParameters;
  /** [M] logits of the learned shares, M modalities, pictures first. */
  readonly shares?: tf.Variable;
};

/** Features of items as tensors. */
export interface FeatureInputs {
  /** [N, F] each, rows of zeros where an item lacks the modality. */
  readonly features: Readonly<Partial<Record<Modality, tf.Tensor2D>>>;
  /** [N, 1] each: 1 where the item has the modality. */
  readonly present: Readonly<Partial<Record<Modality, tf.Tensor2D>>>;
}

/** Features as tensors. */
export function featureInputs(given: Readonly<Partial<Record<Modality, FeatureMatrix>>>): FeatureInputs {
  const features: Partial<Record<Modality, tf.Tensor2D>> = {};
  const present: Partial<Record<Modality, tf.Tensor2D>> = {};
  for (const modality of modalities) {
    const matrix = given[modality];
    if (!matrix) continue;
    features[modality] = tf.tensor2d(matrix.data, [matrix.count, matrix.width]);
    present[modality] = tf.tensor2d(Float32Array.from(matrix.present), [matrix.count, 1]);
  }
  return { features, present };
}

/** The modalities there are, in the order in which they are joined. */
const there = (record: Readonly<Partial<Record<Modality, unknown>>>): Modality[] =>
  modalities.filter((modality) => record[modality] !== undefined);

/** First weights, as torch.nn.Linear; equal shares. */
export function createProjection(
  { combine, width, bias }: { combine: ProjectionOptions['combine']; width: number; bias: boolean },
  widths: Readonly<Partial<Record<Modality, number>>>,
  random: RandomStream,
): ProjectionParameters {
  const own = there(widths);
  const layer = (inputs: number, name: string): LinearParameters =>
    createLinear({ inputs, outputs: width, bias: bias as true }, random.split(name));
  if (combine === 'concat') {
    const inputs = own.reduce((sum, modality) => sum + widths[modality]!, 0);
    return { joint: layer(inputs, 'joint') };
  }
  return {
    ...Object.fromEntries(own.map((modality) => [modality, layer(widths[modality]!, modality)])),
    ...(combine === 'weighted' && { shares: parameter(new Float32Array(own.length), [own.length]) }),
  };
}

/** Projections of all items. */
function projectAll(
  p: ProjectionParameters,
  { features, present }: FeatureInputs,
  options: ProjectionOptions,
): tf.Tensor2D {
  const own = there(features);
  const apply = (x: tf.Tensor, { weight, bias }: LinearParameters, mask: tf.Tensor): tf.Tensor => {
    const y = linear(x, weight, bias);
    return tf.mul(options.normalise ? normaliseRows(y) : y, mask);
  };
  const masks = own.map((modality) => present[modality]!);
  if (p.joint) {
    const any = masks.length === 1 ? masks[0]! : tf.maximum(masks[0]!, masks[1]!);
    const parts = own.map((modality) => features[modality]!);
    return apply(parts.length === 1 ? parts[0]! : tf.concat(parts, 1), p.joint, any) as tf.Tensor2D;
  }
  const parts = own.map((modality, m) => apply(features[modality]!, p[modality]!, masks[m]!));
  const shares = p.shares && tf.unstack(tf.softmax(p.shares));
  const weighted = shares ? parts.map((part, m) => tf.mul(part, shares[m]!)) : parts;
  const sum = weighted.length === 1 ? weighted[0]! : tf.addN(weighted);
  return (options.combine === 'mean' ? tf.div(sum, parts.length) : sum) as tf.Tensor2D;
}

/**
 * Features of items projected to one width: `W f + b`, of unit length if `normalise`; an item without any modality has
 * a row of zeros, one without some has zeros in their place.
 *
 * @param rows - int32 [n] items that are wanted. Default all.
 * @returns [n, D], or [N, D].
 */
export function project(
  p: ProjectionParameters,
  inputs: FeatureInputs,
  options: ProjectionOptions,
  rows?: tf.Tensor1D,
): tf.Tensor2D {
  if (!rows) return projectAll(p, inputs, options);
  const N = Object.values(inputs.features)[0]!.shape[0];
  // The fewer rows are multiplied; picking them later costs less than rows of features.
  if (rows.size >= N) return embedding(projectAll(p, inputs, options), rows) as tf.Tensor2D;
  const pick = (tables: FeatureInputs['features']): FeatureInputs['features'] =>
    Object.fromEntries(Object.entries(tables).map(([modality, table]) => [modality, embedding(table, rows)]));
  return projectAll(p, { features: pick(inputs.features), present: pick(inputs.present) }, options);
}

/** Widths of features. */
export function widthsOf(
  features: Readonly<Partial<Record<Modality, FeatureMatrix>>>,
): Partial<Record<Modality, number>> {
  return Object.fromEntries(there(features).map((modality) => [modality, features[modality]!.width]));
}
