import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Domain } from '@ferry/data';
import { RandomStream, selectBackend, type BackendSpec } from '@ferry/engine';
import { createMissRec } from '@ferry/missrec';
import {
  domainName,
  readRecipe,
  recipeSchema,
  UserError,
  type FinetuneRecipe,
  type PretrainRecipe,
  type TrainRecipe,
} from '@ferry/recipes';
import {
  createRanking,
  itemWeight,
  type ModelTypes,
  type Ranking,
  type Recommender,
  restoreRecommender,
  transferWeights,
} from '@ferry/sequential';
import type { JobConsole } from './console.ts';
import { catalogueFeatures, loadDomain, modelOptions, openForJob, type LoadedDomain } from './model.ts';
import type { TargetRecipe } from './target.ts';
import { modelOf, recommenderOf } from './trainModel.ts';
import { storedWeights, type StoredWeights } from './weights.ts';

/**
 * The recipe a run directory was made by.
 *
 * @throws UserError if it is no run of one model.
 */
export function runRecipe(run: string): FinetuneRecipe | PretrainRecipe | TrainRecipe {
  const file = join(run, 'recipe.yaml');
  if (!existsSync(file)) throw new UserError(`${run} is no run directory: it has no recipe.yaml`);
  const recipe = readRecipe(readFileSync(file, 'utf8'), file, recipeSchema);
  if (recipe.job === 'study')
    throw new UserError(`${run} is a study: name one of its runs, such as ${join(run, 'finetune/…')}`);
  return recipe;
}

/** A run's best model on a domain. */
export interface OpenRun {
  /** The run's recipe, as a training on the domain. */
  readonly recipe: TargetRecipe;
  /** The domain it is used on. */
  readonly target: LoadedDomain;
  /** The model with the best checkpoint's weights. */
  readonly model: Recommender;
  /** Its ranking functions. */
  readonly ranking: Ranking;
  /** Where the weights came from. */
  readonly checkpoint: string;
  /** Frees everything. */
  dispose(): void;
}

/** Fits a checkpoint to another catalogue: what is found between epochs is found anew there. */
async function carryOver<T extends ModelTypes>(
  model: Recommender<T>,
  weights: StoredWeights,
  seed: number,
): Promise<void> {
  transferWeights(model, weights.tensors, weights.path);
  await refreshed(model, seed);
}

async function refreshed<T extends ModelTypes>(model: Recommender<T>, seed: number): Promise<void> {
  await model.refresh(RandomStream.fromSeed(seed).split('carry-over'));
}

/** The recipe to use a run of MISSRec by on a domain. */
function recipeOn(
  run: string,
  own: FinetuneRecipe | PretrainRecipe,
  on: string | undefined,
): { recipe: FinetuneRecipe; same: boolean } {
  if (own.job === 'finetune') {
    if (on === undefined || on === own.target) return { recipe: own, same: true };
    if (own.ids || own.model.itemFusion === 'per-item')
      throw new UserError(
        `${run} knows the items of ${domainName(own.target)} by ${own.ids ? 'ID' : 'a weight each'}: it cannot be used on ${domainName(on)}; train without (${own.ids ? 'ids=false' : 'model.itemFusion=shared'})`,
      );
    return { recipe: { ...own, target: on }, same: false };
  }
  if (on === undefined)
    throw new UserError(`${run} is a pre-training run: name the domain to use it on with --on`);
  const asFinetune = {
    job: 'finetune',
    target: on,
    ids: false,
    features: own.features,
    model: own.model,
    seed: own.seed,
    backend: own.backend,
    ...(own.threads !== undefined && { threads: own.threads }),
  };
  const recipe = readRecipe(JSON.stringify(asFinetune), run, recipeSchema) as FinetuneRecipe;
  return { recipe, same: false };
}

/** The same for a run of `ferry train`. */
function trainedOn(own: TrainRecipe, on = own.target): { recipe: TargetRecipe; same: boolean } {
  return { recipe: { ...own, target: on }, same: on === own.target };
}

/** How a run is opened. */
export interface OpenRunOptions {
  /** Another domain than the run's own. */
  readonly on?: string;
  /** Which checkpoint. Default best. */
  readonly checkpoint?: 'best' | 'last';
}

/**
 * Opens a run's best checkpoint on its own domain or, if it knows no items by ID, on another. What computes is what the run's recipe says.
 *
 * @param run - A run directory.
 * @param check - Refuses a domain that cannot give what is asked for, before anything is encoded.
 */
export async function openRun(
  run: string,
  { on, checkpoint }: OpenRunOptions,
  console: JobConsole,
  check?: (domain: Domain) => void,
): Promise<OpenRun> {
  const own = runRecipe(run);
  const weights = await storedWeights(run, checkpoint);
  const { recipe, same } = own.job === 'train' ? trainedOn(own, on) : recipeOn(run, own, on);
  await selectBackend(recipe.backend as BackendSpec, { threads: recipe.threads, log: () => undefined });
  const opened = await openForJob(recipe.target, recipe);
  check?.(opened.domain);
  const target = await loadDomain(opened, recipe, console);
  const model =
    recipe.job === 'train'
      ? recommenderOf(await modelOf(recipe, console), recipe, target)
      : (createMissRec({
          options: modelOptions(recipe, target.features),
          features: catalogueFeatures(target),
          seed: recipe.seed,
        }) as unknown as Recommender);
  if (same) {
    await restoreRecommender(model, weights.tensors, weights.path);
    // An imported checkpoint may have none.
    if (model.model.state && model.state() === undefined) await refreshed(model, recipe.seed);
  } else {
    if (own.job === 'train') refuseItemWeights(run, own, recipe.target, model);
    await carryOver(model, weights, recipe.seed);
  }
  const ranking = createRanking(model);
  return {
    recipe,
    target,
    model,
    ranking,
    checkpoint: weights.path,
    dispose: () => {
      ranking.dispose();
      model.dispose();
    },
  };
}

/** Refuses to carry weights of the items of one domain to another. */
function refuseItemWeights(run: string, own: TrainRecipe, on: string, recommender: Recommender): void {
  if (itemWeight(recommender) !== undefined)
    throw new UserError(
      `${run} knows the items of ${domainName(own.target)} by ID: it cannot be used on ${domainName(on)}`,
    );
}
