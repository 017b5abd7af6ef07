import type { Domain } from '@ferry/data';
import {
  buildImageFeatures,
  buildTextFeatures,
  featureSummary,
  loadFeatures,
  type ExtractionProgress,
  type FeatureMatrix,
  type Modality,
} from '@ferry/features';
import type { FeatureSettings } from './config/schema.ts';

/** Features of a domain by modality; a modality that is not used is absent. */
export type DomainFeatures = Partial<Record<Modality, FeatureMatrix>>;

/** Called while features are made. */
export type FeatureProgress = (modality: Modality, progress: ExtractionProgress) => void;

/**
 * Loads the features a recipe asks for, making what has not been made yet.
 *
 * @param domain - The domain.
 * @param settings - Encoders.
 * @param progress - Told how far the making of features is.
 */
export async function domainFeatures(
  domain: Domain,
  { text, image }: FeatureSettings,
  progress?: FeatureProgress,
): Promise<DomainFeatures> {
  const report = (modality: Modality) => (at: ExtractionProgress) => progress?.(modality, at);
  const features: DomainFeatures = {};
  if (text === 'stored') features.text = await loadFeatures(domain, 'text');
  else if (text !== 'none')
    features.text = await buildTextFeatures(domain, { encoder: text, progress: report('text') });
  if (image === 'stored') features.image = await loadFeatures(domain, 'image');
  else if (image !== 'none')
    features.image = await buildImageFeatures(domain, { encoder: image, progress: report('image') });
  return features;
}

/** One line for each set of features, with the file it is kept in. */
export function describeFeatures(features: DomainFeatures): string[] {
  return Object.values(features).map(
    (matrix) => featureSummary(matrix) + (matrix.source === undefined ? '' : `\n  ${matrix.source}`),
  );
}
