import { UserError, type TrainRecipe } from '@ferry/recipes';
import {
  createCatalogue,
  createRecommender,
  type Recommender,
  type SequentialModel,
} from '@ferry/sequential';
import { checkpointsOf, listCheckpoints } from '@ferry/training';
import type { JobConsole } from './console.ts';
import { describeDomain, loadDomain, openForJob, type LoadedDomain } from './model.ts';
import { checkPlace } from './place.ts';
import { trainOnTarget, type TargetResult } from './target.ts';

/** The model a recipe names. */
export function modelOf({ model }: TrainRecipe, { models }: JobConsole): Promise<SequentialModel> {
  if (!models) throw new Error('modelOf: the console must know the models');
  return models(model.name);
}

/** A fresh model on a domain, as a recipe says. */
export function recommenderOf(
  model: SequentialModel,
  { model: section, seed }: Pick<TrainRecipe, 'model' | 'seed'>,
  { domain, features }: LoadedDomain,
): Recommender {
  const settings = Object.fromEntries(Object.entries(section).filter(([key]) => key !== 'name'));
  const { text, image } = features;
  const featureWidths = { ...(text && { text: text.width }), ...(image && { image: image.width }) };
  const options = model.complete?.(settings, { task: 'finetune', featureWidths }) ?? settings;
  const widths = Object.fromEntries(
    model.modalities(options).flatMap((modality) => {
      const width = featureWidths[modality];
      return width === undefined ? [] : [[modality, width] as const];
    }),
  );
  if (model.modalities(options).length > 0 && Object.keys(widths).length === 0)
    throw new UserError(
      `${model.name} with these settings reads features of ${model.modalities(options).join(' or ')}: set features.text or features.image, got neither`,
    );
  const catalogue = createCatalogue({ featureWidths: widths }, [
    { ...features, items: domain.items.ids.length, users: domain.users.length },
  ]);
  return createRecommender(model, { options, catalogue, seed });
}

/**
 * Trains any model on one domain. A finished run is not trained again.
 *
 * @param recipe - Checked by `trainSchemaOf(model)`, with the run directory in `out`.
 * @param model - The model it names.
 */
export async function runTrain(
  recipe: TrainRecipe & { out: string },
  model: SequentialModel,
  console: JobConsole,
): Promise<TargetResult> {
  checkPlace(recipe.out);
  const opened = await openForJob(recipe.target, recipe, { rows: ['train', 'valid'] });
  const target = await loadDomain(opened, recipe, console);
  if (listCheckpoints(checkpointsOf(recipe.out)).length === 0)
    for (const line of describeDomain(target)) console.line(line);
  const recommender = recommenderOf(model, recipe, target);
  const { name, ...settings } = recipe.objective;
  const definition = model.objectives[name ?? Object.keys(model.objectives)[0]!]!;
  return trainOnTarget(
    {
      recipe,
      settings: recipe.training,
      target,
      recommender,
      objective: definition.create(settings, recommender.options),
      tuning: 'all',
    },
    console,
  );
}
