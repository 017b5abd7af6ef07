import type { Domain } from '@ferry/data';
import {
  buildImageFeatures,
  buildTextFeatures,
  featureSummary,
  loadFeatures,
  loadWordDropped,
  requireInputs,
  type ExtractionProgress,
  type FeatureMatrix,
  type Modality,
} from '@ferry/features';
import type { FeatureSettings } from '@ferry/recipes';

/** Features of a domain by modality; a modality that is not used is absent. */
export type DomainFeatures = Partial<Record<Modality, FeatureMatrix>> & {
  /** Of the texts with words dropped, for word drop in pre-training. */
  words?: FeatureMatrix;
};

/** How texts lose words: with MISSRec's probability (spec 7), the same words in every run. */
const wordDrop = { share: 0.15, seed: 2020 };

/** Called while features are made. */
export type FeatureProgress = (modality: Modality, progress: ExtractionProgress) => void;

/**
 * Loads the features a recipe asks for, making what has not been made yet.
 *
 * @param domain - The domain.
 * @param settings - Encoders.
 * @param progress - Told how far the making of features is.
 * @param options - `words`: whether the texts with words dropped are wanted too.
 */
export async function domainFeatures(
  domain: Domain,
  { text, image, damagedPictures }: FeatureSettings,
  progress?: FeatureProgress,
  { words = false }: { words?: boolean } = {},
): Promise<DomainFeatures> {
  const report = (modality: Modality) => (at: ExtractionProgress) => progress?.(modality, at);
  const features: DomainFeatures = {};
  // What is cheap and may fail comes before minutes of encoding.
  if (text === 'stored') {
    features.text = await loadFeatures(domain, 'text');
    if (words) features.words = await loadWordDropped(domain);
  } else if (text !== 'none') await requireInputs(domain, 'text');
  if (image === 'stored') features.image = await loadFeatures(domain, 'image');
  else if (image !== 'none') await requireInputs(domain, 'image');

  if (text !== 'stored' && text !== 'none') {
    const options = { encoder: text, progress: report('text') };
    features.text = await buildTextFeatures(domain, options);
    if (words) features.words = await buildTextFeatures(domain, { ...options, dropWords: wordDrop });
  }
  if (image !== 'stored' && image !== 'none')
    features.image = await buildImageFeatures(domain, {
      encoder: image,
      damaged: damagedPictures,
      progress: report('image'),
    });
  return features;
}

/** One line for each set of features, with the file it is kept in. */
export function describeFeatures(features: DomainFeatures): string[] {
  return Object.values(features).map(
    (matrix) => featureSummary(matrix) + (matrix.source === undefined ? '' : `\n  ${matrix.source}`),
  );
}
