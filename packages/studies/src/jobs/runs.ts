import type { Domain } from '@ferry/data';
import { RandomStream, selectBackend, type BackendSpec } from '@ferry/engine';
import {
  domainName,
  readRecipe,
  recipeParts,
  UserError,
  wholeSchema,
  type FinetuneRecipe,
  type RunRecipe,
} from '@ferry/recipes';
import {
  createRanking,
  itemWeight,
  type ModelTypes,
  type Ranking,
  type Recommender,
  restoreRecommender,
  type SequentialModel,
  transferWeights,
} from '@ferry/sequential';
import { BLOCKS_FROM } from '../features.ts';
import type { JobConsole } from './console.ts';
import { loadDomain, openForJob, type ModelDomain } from './domain.ts';
import { knowsIds, modelOf, optionsOf, recommenderOf, widthsBefore } from './recommender.ts';
import { wholeRun } from './runRecipe.ts';
import type { TargetRecipe } from './target.ts';
import { tokensOfDomain } from './trainedEncoders.ts';
import { storedWeights, type StoredWeights } from './weights.ts';

/** A run's best model on a domain. */
export interface OpenRun {
  /** The run's recipe, as a training on the domain. */
  readonly recipe: TargetRecipe;
  /** The domain it is used on. */
  readonly target: ModelDomain;
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

/** The recipe to use a run by on a domain: the run's own, or that of a training there. */
function recipeOn(
  run: string,
  own: RunRecipe,
  on: string | undefined,
  model: SequentialModel,
): { recipe: TargetRecipe; same: boolean } {
  if (own.job !== 'pretrain')
    return { recipe: { ...own, target: on ?? own.target }, same: on === undefined || on === own.target };
  if (on === undefined)
    throw new UserError(`${run} is a pre-training run: name the domain to use it on with --on`);
  const { features, seed, backend, threads } = own;
  const asFinetune = { job: 'finetune', target: on, ids: false, features, model: own.model, seed, backend };
  const recipe = readRecipe(
    JSON.stringify({ ...asFinetune, threads }),
    run,
    wholeSchema(asFinetune, model),
  ) as FinetuneRecipe;
  return { recipe, same: false };
}

/** Refuses to carry weights of the items of one domain to another, before anything is encoded. */
function refuseItemWeights(
  run: string,
  own: TargetRecipe,
  on: string,
  model: SequentialModel,
  { tensors }: StoredWeights,
): void {
  const options = optionsOf(model, recipeParts(own, model), widthsBefore(own));
  const name = itemWeight({ model, options }, tensors.keys());
  if (name === undefined) return;
  const byId = knowsIds(model, own);
  const advice = own.job === 'finetune' && own.ids ? '; train without (ids=false)' : '';
  throw new UserError(
    `${run} knows the items of ${domainName(own.target)} by ${byId ? 'ID' : `a weight each (${name})`}: it ` +
      `cannot be used on ${domainName(on)}${advice}`,
  );
}

/** How a run is opened. */
export interface OpenRunOptions {
  /** Another domain than the run's own. */
  readonly on?: string;
  /** Which checkpoint. Default best. */
  readonly checkpoint?: 'best' | 'last';
  /** Bytes of the domain's feature files from which on features stay in them. Default 256 MiB. */
  readonly blocksFrom?: number;
}

/**
 * Opens a run's best checkpoint on its own domain or, if it knows no items by ID, on another. What computes is what the
 * run's recipe says.
 *
 * @param run - A run directory.
 * @param check - Refuses a domain that cannot give what is asked for, before anything is encoded.
 */
export async function openRun(
  run: string,
  { on, checkpoint, blocksFrom = BLOCKS_FROM }: OpenRunOptions,
  console: JobConsole,
  check?: (domain: Domain) => void,
): Promise<OpenRun> {
  const own = await wholeRun(run, console);
  const weights = await storedWeights(run, checkpoint);
  const kind = await modelOf(own, console);
  const { recipe, same } = recipeOn(run, own, on, kind);
  if (!same && tokensOfDomain(recipe))
    throw new UserError(
      `${run}: its text encoder began from nothing and knows the words of its own domain alone; ` +
        'one that is read from a folder (features.textEncoder.from) serves others too',
    );
  if (!same && own.job !== 'pretrain') refuseItemWeights(run, own, recipe.target, kind, weights);
  await selectBackend(recipe.backend as BackendSpec, { threads: recipe.threads, log: () => undefined });
  const opened = await openForJob(recipe.target, recipe, { blocksFrom });
  const { domain, blocks } = opened;
  check?.(domain);
  const target = blocks ? { domain, features: blocks } : await loadDomain(opened, recipe, console);
  const model = await recommenderOf(kind, recipe, [target], console);
  if (same) {
    await restoreRecommender(model, weights.tensors, weights.path);
    // An imported checkpoint may have none.
    if (kind.state && model.state() === undefined) await refreshed(model, recipe.seed);
  } else await carryOver(model, weights, recipe.seed);
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
      for (const file of Object.values(blocks ?? {})) file.close();
    },
  };
}
