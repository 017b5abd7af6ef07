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

/** A data set of impressions, parted as a recipe says. */
export interface OpenedNews {
  /** Its name. */
  readonly name: string;
  /** Its directory. */
  readonly directory: string;
  /** News, users and impressions. */
  readonly data: MindData;
  /** The impressions by what they are for. */
  readonly parts: NewsParts;
}

/** The section `evaluation` of a news model's recipe. */
export const newsEvaluationOf = ({ evaluation }: Pick<TrainRecipe, 'evaluation'>): NewsEvaluation =>
  evaluation as unknown as NewsEvaluation;

/** The complete settings of a recipe's model. */
export function newsOptionsOf(model: AnyNewsModel, recipe: TrainRecipe): NewsOptions {
  return model.complete(recipeParts(recipe, model).model) as NewsOptions;
}

/** Reads the data set of a recipe. */
export async function openNews(recipe: TrainRecipe, { texts, defects }: NewsOptions): Promise<OpenedNews> {
  const directory = await domainDirectory(recipe.target);
  const data = await readMind(directory, {
    ...(texts !== undefined && { texts: [filePath(texts)] }),
    ...(defects.includes('csv-quotes') && { quotes: 'csv' as const }),
  });
  const name = domainName(recipe.target);
  try {
    return { name, directory, data, parts: newsParts(data, newsEvaluationOf(recipe)) };
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(`${name} (${recipe.target}): ${error.message}`);
    throw error;
  }
}
