import { InputError } from '@ferry/data';
import { RandomStream } from '@ferry/engine';
import {
  buildImageFeatures,
  buildTextFeatures,
  loadFeatures,
  loadWordDropped,
  openFeatures,
  requireInputs,
  type ExtractionProgress,
  type FeatureDomain,
  type FeatureMatrix,
  type ItemBlocks,
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

/** Whether features are those that `ferry features` made and kept under a name. */
function isMade(from: string): from is `made:${string}` {
  return from.startsWith('made:');
}

/** Called while features are made. */
export type FeatureProgress = (modality: Modality, progress: ExtractionProgress) => void;

/** Features that stay in their files. */
export type FeatureBlocks = Partial<Record<Modality, ItemBlocks>>;

/** Bytes of a domain's feature files from which on a ranking leaves them in their files. */
export const BLOCKS_FROM = 2 ** 28;

/**
 * The features a recipe asks for, left in their files, where that is all of them and they are large.
 *
 * @param least - Bytes that the files must have together.
 * @returns Undefined where features must be read whole.
 */
export async function featureBlocks(
  domain: FeatureDomain,
  { text, image, textWidth, imageWidth, shuffle }: FeatureSettings,
  least: number,
): Promise<FeatureBlocks | undefined> {
  const asked = [text, image].filter((from) => from !== 'none');
  if (asked.length === 0 || asked.some((from) => from !== 'stored') || shuffle !== undefined)
    return undefined;
  const widths = {
    ...(text === 'stored' && { text: textWidth }),
    ...(image === 'stored' && { image: imageWidth }),
  };
  return openFeatures(domain, { widths, least });
}

/**
 * The features a recipe asks for that are files already, and a check that there is something to encode for the others:
 * all that can be missing is found missing here, before anything is encoded.
 *
 * @throws Error if a feature file is missing, or an encoder is asked for and no item has what it reads.
 */
export async function storedFeatures(
  domain: FeatureDomain,
  { text, image, textWidth, imageWidth }: Omit<FeatureSettings, 'damagedPictures'>,
  { words = false }: { words?: boolean } = {},
): Promise<DomainFeatures> {
  const features: DomainFeatures = {};
  for (const [modality, from] of [
    ['text', text],
    ['image', image],
  ] as const)
    if (isMade(from)) features[modality] = await loadFeatures(domain, modality, { encoder: from.slice(5) });
  if (isMade(text) && words)
    throw new InputError(
      domain.directory,
      undefined,
      `word drop needs texts that lose words, which features of ${text} have none of: take use-lite, clip or stored`,
    );
  if (text === 'stored') {
    features.text = await loadFeatures(domain, 'text', { width: textWidth });
    if (words) features.words = await loadWordDropped(domain, textWidth);
  } else if (text !== 'none' && !isMade(text)) await requireInputs(domain, 'text');
  if (image === 'stored') features.image = await loadFeatures(domain, 'image', { width: imageWidth });
  else if (image !== 'none' && !isMade(image)) await requireInputs(domain, 'image');
  return features;
}

/**
 * Loads the features a recipe asks for, making what has not been made yet.
 *
 * @param domain - The domain.
 * @param settings - Encoders.
 * @param progress - Told how far the making of features is.
 * @param options - `words`: whether the texts with words dropped are wanted too; `stored`: what `storedFeatures` found.
 */
export async function domainFeatures(
  domain: FeatureDomain,
  settings: FeatureSettings,
  progress?: FeatureProgress,
  { words = false, stored }: { words?: boolean; stored?: DomainFeatures } = {},
): Promise<DomainFeatures> {
  const { text, image, damagedPictures, shuffle } = settings;
  const report = (modality: Modality) => (at: ExtractionProgress) => progress?.(modality, at);
  const found = stored ?? (await storedFeatures(domain, settings, { words }));
  // Text before image, whichever was found first.
  const features: DomainFeatures = {
    ...(found.text && { text: found.text }),
    ...(found.words && { words: found.words }),
  };
  if (text !== 'stored' && text !== 'none' && text !== 'trained' && !isMade(text)) {
    const options = { encoder: text, progress: report('text') };
    features.text = await buildTextFeatures(domain, options);
    if (words) features.words = await buildTextFeatures(domain, { ...options, dropWords: wordDrop });
  }
  if (image === 'stored' || isMade(image)) features.image = found.image!;
  else if (image !== 'none' && image !== 'trained')
    features.image = await buildImageFeatures(domain, {
      encoder: image,
      damaged: damagedPictures,
      progress: report('image'),
    });
  return shuffle === undefined ? features : shuffledFeatures(features, shuffle);
}

/** The features with rows in random order, among the items that have the modality. */
function shuffledFeatures(features: DomainFeatures, seed: number): DomainFeatures {
  const shuffled = Object.entries(features).map(([name, matrix]) => {
    const { present, width, data } = matrix;
    const rows = Int32Array.from(Array.from(present.keys()).filter((row) => present[row] !== 0));
    const from = RandomStream.fromSeed(seed)
      .split('shuffled features')
      .split(matrix.modality)
      .shuffle(rows.slice());
    const moved = data.slice();
    rows.forEach((row, r) => {
      moved.set(data.subarray(from[r]! * width, (from[r]! + 1) * width), row * width);
    });
    return [
      name,
      { ...matrix, data: moved, source: undefined, encoder: `${matrix.encoder}, shuffled` },
    ] as const;
  });
  return Object.fromEntries(shuffled);
}
