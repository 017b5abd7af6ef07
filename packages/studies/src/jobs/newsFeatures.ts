import { relative } from 'node:path';
import { blankCard, imageEncoders, type FeatureDomain } from '@ferry/features';
import { filledVectors, type NewsOptions } from '@ferry/nrms';
import { UserError, type TrainRecipe } from '@ferry/recipes';
import { domainFeatures, type DomainFeatures, type FeatureProgress } from '../features.ts';
import type { OpenedNews } from './newsData.ts';

/** News as encoders of texts and pictures read them: by their titles. */
function asItems({ name, directory, data: { news } }: OpenedNews): FeatureDomain {
  const own = <T>(list: readonly T[]): T[] => list.slice(1);
  return {
    ...{ name, directory },
    items: {
      ids: Array.from({ length: news.count }, (_, at) => news.ids.text(at + 1)),
      titles: own(news.titles),
      texts: own(news.titles),
      images: own(news.images).map((image) => (image === undefined ? undefined : relative(directory, image))),
    },
  };
}

/**
 * The pre-computed vectors that a recipe asks for, made where they have not been yet: those of titles and of pictures.
 *
 * @throws UserError for an encoder that is trained, and for a white card that no encoder can look at.
 */
export async function newsFeatures(
  opened: OpenedNews,
  { features }: Pick<TrainRecipe, 'features'>,
  { missingPictures }: NewsOptions,
  progress?: FeatureProgress,
): Promise<Pick<DomainFeatures, 'text' | 'image'>> {
  const { text, image } = features;
  if (text === 'none' && image === 'none') return {};
  if (text === 'trained')
    throw new UserError(
      'features.text must be vectors that are computed before for news models, got trained',
    );
  const found = await domainFeatures(asItems(opened), features, progress);
  if (missingPictures !== 'white' || !found.image) return found;
  const encoder = imageEncoders.find((name) => name === image);
  if (!encoder)
    throw new UserError(
      `model.missingPictures: white needs an encoder that can look at a white card (features.image: ` +
        `${imageEncoders.join(' or ')}), got ${image}: give its vector to the news without a picture in the file`,
    );
  return { ...found, image: filledVectors(found.image, await blankCard(encoder)) };
}
