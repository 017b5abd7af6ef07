import type { Modality } from '@ferry/features';
import { recipeParts, UserError, type RecipeParts, type RunRecipe } from '@ferry/recipes';
import {
  createCatalogue,
  createRecommender,
  type ModelTypes,
  type Objective,
  type Recommender,
  type SequentialModel,
} from '@ferry/sequential';
import { sequential, type AnyModel } from './anyModel.ts';
import type { JobConsole } from './console.ts';
import type { LoadedDomain } from './domain.ts';
import { trainedText, trainedTextOf } from './trainedText.ts';

/** The model a recipe names. */
export function anyModelOf(
  { model }: Pick<RunRecipe, 'model'>,
  { models }: Pick<JobConsole, 'models'>,
): Promise<AnyModel> {
  return models.load(model.name ?? models.unnamed);
}

/** The model a recipe names, which must be one of sequences. */
export async function modelOf(
  recipe: Pick<RunRecipe, 'model'>,
  console: Pick<JobConsole, 'models'>,
): Promise<SequentialModel> {
  return sequential(await anyModelOf(recipe, console));
}

/** A model's complete settings on data with these features. */
export function optionsOf(
  model: SequentialModel,
  { model: settings, task }: RecipeParts,
  featureWidths: Partial<Record<Modality, number>>,
): object {
  return model.complete?.(settings, { task, featureWidths }) ?? settings;
}

/** Whether the model of a recipe knows items by ID. */
export function knowsIds(model: SequentialModel, recipe: RunRecipe): boolean {
  const { model: settings } = recipeParts(recipe, model);
  const value = model.idsAt
    ?.split('.')
    .reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], settings);
  return value === undefined ? recipe.job === 'train' : value === true;
}

/** The widths of the features that a recipe asks for, each 1 before anything is read. */
export function widthsBefore({ features }: Pick<RunRecipe, 'features'>): Partial<Record<Modality, number>> {
  return Object.fromEntries(
    (['text', 'image'] as const).filter((modality) => features[modality] !== 'none').map((one) => [one, 1]),
  );
}

/** Whether a recipe's training reads texts with words dropped. */
export function readsWords(model: SequentialModel, recipe: RunRecipe): boolean {
  const { objective, settings } = recipeParts(recipe, model);
  return model.objectives[objective]?.words?.(settings) ?? false;
}

/** A fresh model on a domain, or on several together, as a recipe says. */
export async function recommenderOf(
  model: SequentialModel,
  recipe: RunRecipe,
  domains: readonly LoadedDomain[],
): Promise<Recommender> {
  const { text, image } = domains[0]!.features;
  const encoder = trainedTextOf(recipe);
  const trained = encoder && (await trainedText(encoder, recipe.seed, domains));
  const textWidth = trained?.tower.width ?? text?.width;
  const featureWidths = {
    ...(textWidth !== undefined && { text: textWidth }),
    ...(image && { image: image.width }),
  };
  const options = optionsOf(model, recipeParts(recipe, model), featureWidths);
  const wanted = model.modalities(options);
  const widths = Object.fromEntries(
    wanted.flatMap((modality) => {
      const width = featureWidths[modality];
      return width === undefined ? [] : [[modality, width] as const];
    }),
  );
  if (wanted.length > 0 && Object.keys(widths).length === 0)
    throw new UserError(
      `${model.name} with these settings reads features of ${wanted.join(' or ')}: set features.text or ` +
        'features.image, got neither',
    );
  if (trained && !wanted.includes('text'))
    throw new UserError(
      `${model.name} with these settings reads no features, got features.text: trained; ` +
        'say model.tower.features: true, or features.text: none',
    );
  const catalogue = createCatalogue(
    { featureWidths: widths },
    domains.map(({ domain, features }, d) => ({
      ...features,
      ...trained?.domains[d],
      items: domain.items.ids.length,
      users: domain.users.length,
    })),
    trained && { text: trained.tower },
  );
  return createRecommender(model, { options, catalogue, seed: recipe.seed });
}

/** What a recipe trains its model by. */
export function objectiveOf(recipe: RunRecipe, { model, options }: Recommender): Objective<ModelTypes> {
  const { objective, settings } = recipeParts(recipe, model);
  return model.objectives[objective]!.create(settings, options);
}
