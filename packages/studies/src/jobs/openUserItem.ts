import type { UserEvaluation, UserItemModel, UserItemTraining } from '@ferry/collaborative';
import { selectBackend, type BackendSpec } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import { UserError, type RunRecipe, type TrainRecipe } from '@ferry/recipes';
import { restoreModel } from '@ferry/training';
import type { JobConsole } from './console.ts';
import { loadDomain, openForJob, type LoadedDomain } from './domain.ts';
import type { OpenRunOptions } from './runs.ts';
import { userItemRecommenderOf, userItemTrainingOf } from './userItem.ts';
import { storedWeights } from './weights.ts';

/** A run of a user-item model with the weights of a checkpoint. */
export interface OpenUserItemRun {
  /** The run's recipe. */
  readonly recipe: TrainRecipe;
  /** The domain it was trained on. */
  readonly target: LoadedDomain;
  /** The model; it ranks. */
  readonly training: UserItemTraining;
  /** Where the weights came from. */
  readonly checkpoint: string;
  /** Frees everything. */
  dispose(): void;
}

/** A domain as if no item had some modalities. */
function withoutFeatures(target: LoadedDomain, without: readonly Modality[]): LoadedDomain {
  const { features } = target;
  const taken = without.flatMap((modality) => {
    const matrix = features[modality];
    if (!matrix) return [];
    const nothing = { data: new Float32Array(matrix.data.length), present: new Uint8Array(matrix.count) };
    return [[modality, { ...matrix, ...nothing }] as const];
  });
  return { ...target, features: { ...features, ...Object.fromEntries(taken) } };
}

/**
 * Opens a checkpoint of a user-item run on the domain it was trained on.
 *
 * @param run - A run directory, and its recipe.
 * @param options - `without`: modalities that are taken from every item; `evaluation`: where it ranks otherwise than
 *   the recipe says.
 * @throws UserError for another domain, and for modalities that are in what a fitted model found.
 */
export async function openUserItemRun(
  run: string,
  recipe: RunRecipe,
  model: UserItemModel,
  {
    on,
    checkpoint,
    without = [],
    evaluation,
  }: OpenRunOptions & { without?: readonly Modality[]; evaluation?: UserEvaluation },
  console: JobConsole,
): Promise<OpenUserItemRun> {
  if (recipe.job !== 'train') throw new UserError(`${run} must be a run of ferry train, got ${recipe.job}`);
  if (on !== undefined && on !== recipe.target)
    throw new UserError(
      `${run} knows the users and items of ${recipe.target} by number (${model.title}): it cannot be used on ${on}`,
    );
  if (without.length > 0 && model.kind === 'fitted')
    throw new UserError(
      `${model.title} was fitted with its features, which cannot be taken from it afterwards: fit it with ` +
        `${without.map((modality) => `features.${modality}=none`).join(' ')} instead`,
    );
  const weights = await storedWeights(run, checkpoint);
  await selectBackend(recipe.backend as BackendSpec, { threads: recipe.threads, log: () => undefined });
  const opened = await openForJob(recipe.target, recipe, { ordered: false });
  const target = withoutFeatures(await loadDomain(opened, recipe, console), without);
  const recommender = userItemRecommenderOf(model, recipe, target);
  const training = userItemTrainingOf(recipe, recommender, target, evaluation && { evaluation });
  await restoreModel(training, { model: weights.tensors, optimizer: new Map() }, weights.path, false);
  return {
    ...{ recipe, target, training },
    checkpoint: weights.path,
    dispose: () => {
      training.dispose();
      recommender.dispose();
    },
  };
}
