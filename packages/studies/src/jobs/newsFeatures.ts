import { blankCard, imageEncoders } from '@ferry/features';
import { filledVectors, type NewsOptions } from '@ferry/nrms';
import type { TrainRecipe } from '@ferry/recipes';
import { domainFeatures, type DomainFeatures, type FeatureProgress } from '../features.ts';
import { newsItems, type OpenedNews } from './newsData.ts';

/**
 * The pre-computed vectors that a recipe asks for, made where they have not been yet: those of titles and of pictures.
 *
 * @returns Nothing of a modality whose encoder is trained with the model.
 */
export async function newsFeatures(
  opened: OpenedNews,
  { features }: Pick<TrainRecipe, 'features'>,
  { missingPictures }: NewsOptions,
  progress?: FeatureProgress,
): Promise<Pick<DomainFeatures, 'text' | 'image'>> {
  const { text, image } = features;
  if (text === 'none' && image === 'none') return {};
  const found = await domainFeatures(newsItems(opened), features, progress);
  const encoder = imageEncoders.find((name) => name === image);
  if (missingPictures !== 'white' || !found.image || !encoder) return found;
  return { ...found, image: filledVectors(found.image, await blankCard(encoder)) };
}
