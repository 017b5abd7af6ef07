import {
  createUserItemRecommender,
  createUserItemTraining,
  interactionsOf,
  type UserEvaluation,
  type UserItemModel,
  type UserItemRecommender,
  type UserItemTraining,
  type UserItemTrainingSettings,
} from '@ferry/collaborative';
import { featureSummary } from '@ferry/features';
import { optimizerOf, recipeParts, UserError, type TrainRecipe } from '@ferry/recipes';
import type { UserRanking } from '@ferry/evaluation';
import { checkpointsOf, listCheckpoints, type EarlyStopping, type StoppingRule } from '@ferry/training';
import { keepRows } from '../keptRows.ts';
import { rankedUsers, type RankedRows } from '../rows.ts';
import type { JobConsole } from './console.ts';
import { fingerprint, loadDomain, openForJob, type LoadedDomain } from './domain.ts';
import { checkPlace } from './place.ts';
import { keepDetails, leftBehind, type TargetResult } from './target.ts';
import { train } from './train.ts';
import { warmStart } from './warm.ts';

/** How a recipe's evaluation ranks users. */
export function userEvaluation({ evaluation }: Pick<TrainRecipe, 'evaluation'>): UserEvaluation {
  const { batchSize, ties, cutoffs, candidates, metric, relevance } = evaluation;
  return { batchSize, ties, candidates, relevance, k: cutoffs, metrics: [metric] };
}

/** A fresh user-item model on a domain, as a recipe says. */
export function userItemRecommenderOf(
  model: UserItemModel,
  recipe: TrainRecipe,
  { domain, features }: LoadedDomain,
): UserItemRecommender {
  const { model: options } = recipeParts(recipe, model);
  const interactions = interactionsOf(domain.training, domain.items.ids.length);
  return createUserItemRecommender(model, { options, data: { interactions, features }, seed: recipe.seed });
}

/**
 * A recommender in training as a recipe says, with what its domain gives.
 *
 * @param more - `evaluation`: where it is ranked otherwise than the recipe says; `onRanked`: told of every ranking.
 */
export function userItemTrainingOf(
  recipe: TrainRecipe,
  recommender: UserItemRecommender,
  { domain }: LoadedDomain,
  more: Pick<UserItemTrainingSettings, 'evaluation' | 'onRanked'> = {},
): UserItemTraining {
  const { validationItems } = recipe.evaluation;
  return createUserItemTraining({
    recommender,
    domain,
    batchSize: recipe.training.batchSize,
    ...optimizerOf(recipe.training),
    objective: recipeParts(recipe, recommender.model).settings,
    ...more,
    evaluation: { ...userEvaluation(recipe), ...more.evaluation },
    validationItems,
    curve: hasValidation(domain) ? 'valid' : 'test',
  });
}

/** The rows of a ranking by a recipe. */
export function rowsOfRanking(
  { evaluation }: Pick<TrainRecipe, 'evaluation'>,
  { domain, features }: LoadedDomain,
  ranked: { split: 'test' | 'valid'; places: UserRanking; checkpoint: string },
): RankedRows {
  const keeps = ranked.split === 'test' && hasValidation(domain) && evaluation.validationItems !== 'mask';
  const present = Object.entries(features).map(([modality, matrix]) => [modality, matrix.present] as const);
  return rankedUsers({
    ...{ domain, ...ranked, history: keeps ? 'mask-training' : 'mask' },
    ...{ present: Object.fromEntries(present), candidates: evaluation.candidates },
  });
}

const hasValidation = ({ valid }: LoadedDomain['domain']): boolean => valid.targets.length > 0;

/** What a user-item model cannot do, found before anything is read. */
function checkRecipe(recipe: TrainRecipe, model: UserItemModel): void {
  const { evaluation, features } = recipe;
  const { model: settings } = recipeParts(recipe, model);
  const wanted = model.modalities(model.complete?.(settings) ?? settings);
  if (wanted.length > 0 && wanted.every((modality) => features[modality] === 'none'))
    throw new UserError(
      `${model.name} with these settings reads features of ${wanted.join(' or ')}: set features.text or ` +
        'features.image, got neither',
    );
  if (features.text === 'trained')
    throw new UserError(
      `features.text: trained is for models of sequences, and ${model.title} is none: take use-lite, clip or stored`,
    );
  if (evaluation.history !== 'mask')
    throw new UserError(
      `evaluation.history must be mask for ${model.title}: user-item models recommend what a user has not, got ` +
        evaluation.history,
    );
  if (evaluation.negatives)
    throw new UserError(
      `evaluation.negatives must be left out for ${model.title}: user-item models are ranked among all items`,
    );
}

/** Reads the domain of a recipe with its features. */
async function openUserItemDomain(recipe: TrainRecipe, console: JobConsole): Promise<LoadedDomain> {
  const opened = await openForJob(recipe.target, recipe, { ordered: false });
  const { relevance } = recipe.evaluation;
  if (relevance !== undefined && !opened.domain.sequences.ratings)
    throw new UserError(
      `evaluation.relevance needs ratings, which ${opened.domain.name} (${recipe.target}) has not, got ${relevance}`,
    );
  return loadDomain(opened, recipe, console);
}

/** How {@link runUserItem} goes about it. */
export interface UserItemOptions {
  /** The domain, if it was read before. */
  readonly loaded?: LoadedDomain;
  /** Whether the domain is described. Default true. */
  readonly describe?: boolean;
  /** When a validation value counts as better. Default as training's: `released`. */
  readonly rule?: StoppingRule;
  /** Values that a search asks of it to go on. */
  readonly least?: EarlyStopping['least'];
}

/**
 * Trains a user-item model on a domain, or fits it, tests it and keeps its rows. A finished run is not trained again.
 * Where the domain has no validation part, the curve is the test's and nothing is chosen by it: the last epoch is the
 * result.
 *
 * @param recipe - Whole, with the run directory in `out`.
 * @param options - What is known already, and how epochs are chosen.
 */
export async function runUserItem(
  recipe: TrainRecipe & { out: string },
  model: UserItemModel,
  console: JobConsole,
  { loaded, describe = true, rule, least }: UserItemOptions = {},
): Promise<TargetResult> {
  checkPlace(recipe.out, 'a run');
  checkRecipe(recipe, model);
  const warm = await warmStart(recipe, model, console);
  const target = loaded ?? (await openUserItemDomain(recipe, console));
  const { domain } = target;
  const recommender = userItemRecommenderOf(model, recipe, target);
  const validated = hasValidation(domain);
  if (describe && listCheckpoints(checkpointsOf(recipe.out)).length === 0) {
    const { users, items, columns } = recommender.data.interactions;
    const number = (value: number): string => value.toLocaleString('en-US');
    console.line(
      `${domain.name}: ${number(items)} items, ${number(users)} users, ${number(columns.length)} training interactions`,
    );
    for (const matrix of Object.values(target.features)) console.line(`  ${featureSummary(matrix)}`);
    for (const warning of domain.warnings) console.line(`  ${warning}`);
    if (!validated)
      console.line(
        '  no validation part: the curve is that of the test, nothing is chosen by it, the last epoch counts',
      );
  }
  let tested: UserRanking | undefined;
  const training = userItemTrainingOf(recipe, recommender, target, {
    onRanked: (split, ranking) => {
      if (split === 'test') tested = ranking;
    },
  });
  const { epochs, patience, validateEvery, checkpointEvery } = recipe.training;
  try {
    const summary = await train(recipe, model, training, console, {
      epochs: model.kind === 'fitted' ? 1 : epochs,
      earlyStopping: validated
        ? { metric: recipe.evaluation.metric, patience, rule, least }
        : { metric: recipe.evaluation.metric, patience: null, rule: 'last' },
      validateEvery,
      checkpointEvery,
      fingerprint: fingerprint([target], Infinity),
      warm,
      tables: { roles: model.weights.rows, names: { items: domain.items.ids, users: domain.users } },
    });
    const left = await leftBehind(recipe.out, summary);
    if (left && !tested) return { summary, ...left };
    const { checkpoint } = summary.best;
    // Training leaves the best checkpoint's weights in the model.
    const places = tested ?? (await training.rank('test'));
    const rows = rowsOfRanking(recipe, target, { split: 'test', places, checkpoint });
    await keepRows(recipe.out, 'test', rows);
    return { summary, details: keepDetails(recipe.out, target, checkpoint, null), rows };
  } finally {
    training.dispose();
    recommender.dispose();
  }
}
