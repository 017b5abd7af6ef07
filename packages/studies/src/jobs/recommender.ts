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
import type { ModelDomain } from './domain.ts';
import { trainedEncoders } from './trainedEncoders.ts';

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

/**
 * A fresh model on a domain, or on several together, as a recipe says.
 *
 * @param console - Told how far encoders that are trained with the model are in reading the items.
 */
export async function recommenderOf(
  model: SequentialModel,
  recipe: RunRecipe,
  domains: readonly ModelDomain[],
  console: Pick<JobConsole, 'features' | 'line'>,
): Promise<Recommender> {
  const { features } = domains[0]!;
  const trained = await trainedEncoders(recipe, domains, console);
  const featureWidths = Object.fromEntries(
    (['text', 'image'] as const).flatMap((modality) => {
      const width = trained?.encoders[modality]?.width ?? features[modality]?.width;
      return width === undefined ? [] : [[modality, width] as const];
    }),
  ) as Partial<Record<Modality, number>>;
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
  const unread = (Object.keys(trained?.encoders ?? {}) as Modality[]).find((one) => !wanted.includes(one));
  if (unread)
    throw new UserError(
      `${model.name} with these settings reads no ${unread} features, got features.${unread}: trained; ` +
        `say model.tower.features: true, or features.${unread}: none`,
    );
  const catalogue = createCatalogue(
    { featureWidths: widths },
    domains.map(({ domain, features }, d) => ({
      ...features,
      ...trained?.domains[d],
      items: domain.items.ids.length,
      users: domain.users.length,
    })),
    trained?.encoders,
  );
  return createRecommender(model, { options, catalogue, seed: recipe.seed });
}

/** What a recipe trains its model by. */
export function objectiveOf(recipe: RunRecipe, { model, options }: Recommender): Objective<ModelTypes> {
  const { objective, settings } = recipeParts(recipe, model);
  return model.objectives[objective]!.create(settings, options);
}
