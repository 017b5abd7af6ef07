import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { imageEncoders, itemPictures, type FeatureDomain, type ItemPictures } from '@ferry/features';
import {
  newsParts,
  readMind,
  type AnyNewsModel,
  type MindData,
  type NewsEvaluation,
  type NewsOptions,
  type NewsParts,
} from '@ferry/nrms';
import { domainName, recipeParts, UserError, type TrainRecipe } from '@ferry/recipes';
import { domainDirectory, filePath } from '../domains.ts';
import { requireEncoders } from './trainedParts.ts';

/** A data set of impressions, parted as a recipe says. */
export interface OpenedNews {
  /** As its folder is called. */
  readonly name: string;
  /** Its directory. */
  readonly directory: string;
  /** News, users and impressions. */
  readonly data: MindData;
  /** The impressions by what they are for. */
  readonly parts: NewsParts;
  /** The pictures of the news, where an encoder is trained on them. */
  readonly pictures?: ItemPictures;
}

/** News as encoders of texts and pictures read them: by their titles. */
export function newsItems({
  name,
  directory,
  data: { news },
}: Pick<OpenedNews, 'name' | 'directory' | 'data'>): FeatureDomain {
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

/** The section `evaluation` of a news model's recipe. */
export const newsEvaluationOf = ({ evaluation }: Pick<TrainRecipe, 'evaluation'>): NewsEvaluation =>
  evaluation as unknown as NewsEvaluation;

/** The complete settings of a recipe's model. */
export function newsOptionsOf(model: AnyNewsModel, recipe: TrainRecipe): NewsOptions {
  return model.complete(recipeParts(recipe, model).model) as NewsOptions;
}

/** Checks what a recipe says of encoders that are trained with its model, before anything is read. */
async function checkEncoders({ features }: TrainRecipe, { encoder }: NewsOptions): Promise<void> {
  await requireEncoders(features);
  for (const key of ['textEncoder', 'imageEncoder'] as const)
    if (encoder === 'tokens' && features[key]?.pooling !== undefined)
      throw new UserError(
        `features.${key}.pooling must be left out where model.encoder is tokens, which are pooled by the model, got ` +
          features[key].pooling,
      );
}

/** Checks what a recipe says of white cards and of texts from elsewhere, before anything is read. */
function checkContent({ features }: TrainRecipe, { missingPictures, texts }: NewsOptions): void {
  const { image } = features;
  const looks = image === 'none' || image === 'trained' || imageEncoders.some((name) => name === image);
  if (missingPictures === 'white' && !looks)
    throw new UserError(
      `model.missingPictures: white needs an encoder that can look at a white card (features.image: ` +
        `${imageEncoders.join(' or ')}), got ${image}: give its vector to the news without a picture in the file`,
    );
  if (texts !== undefined && !existsSync(filePath(texts)))
    throw new UserError(`model.texts: no such file: ${filePath(texts)}`);
}

/**
 * Reads the data set of a recipe.
 *
 * @throws UserError if there is nothing to train on or to test by, or an encoder's folder is none.
 */
export async function openNews(recipe: TrainRecipe, options: NewsOptions): Promise<OpenedNews> {
  await checkEncoders(recipe, options);
  checkContent(recipe, options);
  const { texts, defects } = options;
  const directory = await domainDirectory(recipe.target);
  const data = await readMind(directory, {
    texts: texts === undefined ? undefined : [filePath(texts)],
    ...(defects.includes('csv-quotes') && { quotes: 'csv' as const }),
  });
  const name = domainName(recipe.target);
  try {
    const parts = newsParts(data, newsEvaluationOf(recipe));
    const opened = { name, directory, data, parts };
    if (recipe.features.image !== 'trained') return opened;
    return { ...opened, pictures: await itemPictures(newsItems(opened)) };
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(`${name} (${recipe.target}): ${error.message}`);
    throw error;
  }
}
