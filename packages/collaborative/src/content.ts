/** Features of items as vectors of the model's own width, one projection a modality: what FREEDOM and BM3 read. */
import { embedding, linear, type RandomStream, tf } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';
import { createLinear, type LinearParameters, parameter } from '@ferry/nn';
import { z } from 'zod';
import { type FeatureInputs, modalities } from './projection.ts';

/** A setting of models whose features may be weights. */
export const trainFeaturesSetting = z
  .boolean()
  .default(true)
  .describe('whether the features are weights as well, which begin as what was extracted');

/** Something of each modality. */
type PerModality<T> = Readonly<Partial<Record<Modality, T>>>;

/** Weights of what is made of features. */
export type ContentParameters = {
  /** [D, F] and [D] of each modality. */
  readonly projections: PerModality<LinearParameters>;
  /** [N, F] each, where they are trained. */
  readonly features?: PerModality<tf.Variable>;
};

/** Features as weights that begin as what was extracted. */
export function trainedFeatures(
  features: PerModality<FeatureMatrix>,
): NonNullable<ContentParameters['features']> {
  return Object.fromEntries(
    modalities.flatMap((modality) => {
      const matrix = features[modality];
      return matrix ? [[modality, parameter(matrix.data.slice(), [matrix.count, matrix.width])]] : [];
    }),
  );
}

/** First weights: projections as torch.nn.Linear. */
export function createContent(
  features: PerModality<FeatureMatrix>,
  { factors, trainFeatures }: { factors: number; trainFeatures: boolean },
  random: RandomStream,
): ContentParameters {
  const own = modalities.filter((modality) => features[modality] !== undefined);
  const layer = (modality: Modality): LinearParameters =>
    createLinear({ inputs: features[modality]!.width, outputs: factors, bias: true }, random.split(modality));
  return {
    projections: Object.fromEntries(own.map((modality) => [modality, layer(modality)])),
    ...(trainFeatures && { features: trainedFeatures(features) }),
  };
}

/** The features that are read: weights where they are trained, by modality. */
export function contentTables(
  p: Pick<ContentParameters, 'features'>,
  inputs: FeatureInputs,
): PerModality<tf.Tensor> {
  return { ...inputs.features, ...p.features };
}

/**
 * Projected features of some items.
 *
 * @param rows - int32 [n]
 * @returns `vectors` [n, D], and `present` [n, 1]: 1 where the item has the modality.
 */
export function contentVectors(
  p: ContentParameters,
  inputs: FeatureInputs,
  modality: Modality,
  rows: tf.Tensor1D,
): { vectors: tf.Tensor; present: tf.Tensor } {
  const { weight, bias } = p.projections[modality]!;
  return {
    vectors: linear(embedding(contentTables(p, inputs)[modality]!, rows), weight, bias),
    present: embedding(inputs.present[modality]!, rows),
  };
}
