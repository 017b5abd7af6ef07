import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Domain } from '@ferry/data';
import type { RankingResult } from '@ferry/evaluation';
import { isModelFile, optimizerOf, UserError, type FinetuneRecipe, type TrainRecipe } from '@ferry/recipes';
import {
  createTraining,
  evaluateRecommender,
  rowRoles,
  transferWeights,
  type EvaluateOptions,
  type Recommender,
  type SequentialModel,
} from '@ferry/sequential';
import { checkpointsOf, listCheckpoints, type EarlyStopping, type Summary } from '@ferry/training';
import { readDetails, writeDetails, type FeaturesRead, type RunDetails } from '../details.ts';
import { keepRows, keptRows } from '../keptRows.ts';
import { rankedRows, type RankedRows } from '../rows.ts';
import type { JobConsole } from './console.ts';
import { describeDomain, fingerprint, loadDomain, openForJob, type LoadedDomain } from './domain.ts';
import { checkPlace } from './place.ts';
import { modelOf, objectiveOf, recommenderOf } from './recommender.ts';
import { runRecipe } from './runRecipe.ts';
import { startPath } from './studyRuns.ts';
import { train } from './train.ts';
import { encoderGroups } from './trainedEncoders.ts';
import { warmStart, type WarmStart } from './warm.ts';
import { checkStart, startingWeights } from './weights.ts';

/** A recipe that trains on one domain. */
export type TargetRecipe = FinetuneRecipe | TrainRecipe;

/** What {@link runTarget} returns. */
export interface TargetResult {
  /** `summary.json`. */
  readonly summary: Summary;
  /** `details.json`. */
  readonly details: RunDetails;
  /** `rows/test`. */
  readonly rows: RankedRows;
}

/** By modality: 1 where item i + 1 has it. */
export function presentOf(model: Pick<Recommender, 'catalogue'>): Record<string, Uint8Array> {
  return Object.fromEntries(
    Object.entries(model.catalogue.present).map(([modality, flags]) => [modality, flags.subarray(1)]),
  );
}

/** How a recipe's evaluation ranks. */
export function rankingOptions(
  { batchSize, history, ties, cutoffs, negatives, metric }: TargetRecipe['evaluation'],
  { trainCounts }: Pick<Domain, 'trainCounts'>,
): EvaluateOptions {
  const sampled = negatives && { ...negatives, popularity: trainCounts };
  return { batchSize, history, ties, k: cutoffs, metrics: [metric], sampled };
}

/** What a finished run of today left behind for its best checkpoint; undefined if anything is missing. */
export async function leftBehind(
  run: string,
  { best }: Summary,
): Promise<Omit<TargetResult, 'summary'> | undefined> {
  const details = readDetails(run);
  const rows = await keptRows(run);
  if (!details || !rows) return undefined;
  // Runs of before rows were kept do not name the checkpoint.
  const isBest = (checkpoint: string | undefined): boolean =>
    (checkpoint ?? best.checkpoint) === best.checkpoint;
  return isBest(details.checkpoint) && isBest(rows.checkpoint) ? { details, rows } : undefined;
}

/** Keeps what else is known of a run's best checkpoint. */
export function keepDetails(
  run: string,
  { domain: { name: domain, protocol = 'leave-one-out' }, features: { text, image } }: LoadedDomain,
  checkpoint: string,
  interests: RunDetails['interests'],
): RunDetails {
  const read = [text, image].flatMap((matrix): [string, FeaturesRead['text']][] => {
    if (!matrix) return [];
    const { modality, encoder, width, extraction } = matrix;
    return [[modality, { encoder, width, extraction }]];
  });
  const details = { domain, protocol, checkpoint, interests, features: Object.fromEntries(read) };
  writeDetails(run, details);
  return details;
}

/** How a recipe trains: the keys that both jobs have. */
export function trainingOf(recipe: TargetRecipe): Omit<TrainRecipe['training'], 'validateEvery'> {
  return recipe.job === 'train' ? recipe.training : recipe.finetuning;
}

/**
 * {@link TargetResult} of a run that is finished with these settings; undefined if there is work to be done.
 *
 * @param most - Epochs it is to have. Default the recipe's.
 */
export async function finishedTarget(
  recipe: TargetRecipe & { out: string },
  summary: Summary | undefined,
  most?: number,
): Promise<TargetResult | undefined> {
  const { patience, ...rest } = trainingOf(recipe);
  const epochs = most ?? rest.epochs;
  // A run that ended for want of epochs or patience goes on if it is given more.
  const goesOn =
    summary?.reason === 'epochs'
      ? summary.epochs < epochs
      : summary !== undefined &&
        summary.epochs < epochs &&
        (patience === null || summary.epochs - summary.best.epoch <= patience);
  if (!summary || goesOn) return undefined;
  const left = await leftBehind(recipe.out, summary);
  return left && { summary, ...left };
}

/** Where a recipe's training starts; null for fresh weights. */
function startOf(recipe: TargetRecipe & { out: string }): string | null {
  return recipe.job === 'train' || recipe.from === null ? null : startPath(recipe.from, recipe.out);
}

/** Refuses to start from a run of another model, whose weights would fit nowhere. */
export function checkSameModel(from: string, { name, title }: Pick<SequentialModel, 'name' | 'title'>): void {
  if (!existsSync(join(from, 'recipe.yaml'))) return;
  const { name: other = name } = runRecipe(from).model as { name?: string };
  // A file of a model's may have been moved.
  if (other !== name && !isModelFile(other))
    throw new UserError(`from: ${from} must be a run of ${title} (${name}), got one of ${other}`);
}

/** What is trained: of a model with fresh weights, everything. */
function tuningOf(recipe: TargetRecipe): string {
  if (recipe.job === 'train' || recipe.from === null) return 'all';
  const { tune = 'full' } = recipe.finetuning;
  return tune === 'full' ? 'all' : tune;
}

/** Refuses settings of an evaluation that user-item models alone are ranked by. */
function checkEvaluation({ evaluation }: TargetRecipe, { title }: Pick<SequentialModel, 'title'>): void {
  // What a model of sequences does anyway may be said.
  const done = { candidates: 'all', validationItems: 'mask', relevance: undefined } as const;
  for (const key of ['candidates', 'validationItems', 'relevance'] as const) {
    const [value, only] = [evaluation[key], done[key]];
    if (value !== undefined && value !== only)
      throw new UserError(
        `evaluation.${key} must be ${only === undefined ? '' : `${only} or `}left out for ${title}, which is no ` +
          `user-item model, got ${value}`,
      );
  }
}

/**
 * Trains on the domain of a recipe, from fresh weights or from those of another run, and looks at the test closely. A
 * finished run is not trained again.
 *
 * @param recipe - Whole, with the run directory in `out`.
 * @param options - `loaded`: the domain, if it was read before; `least`: values that a search asks of it to go on.
 */
export async function runTarget(
  recipe: TargetRecipe & { out: string },
  console: JobConsole,
  {
    loaded,
    describe = true,
    least,
  }: { loaded?: LoadedDomain; describe?: boolean; least?: EarlyStopping['least'] } = {},
): Promise<TargetResult> {
  if (!loaded) checkPlace(recipe.out, 'a run');
  const fresh = listCheckpoints(checkpointsOf(recipe.out)).length === 0;
  const from = fresh ? startOf(recipe) : null;
  // Seconds before minutes: what can be missing is found missing before anything is encoded.
  const model = await modelOf(recipe, console);
  if (from !== null) {
    checkStart(from);
    checkSameModel(from, model);
  }
  checkEvaluation(recipe, model);
  const warm = await warmStart(recipe, model, console);
  const target =
    loaded ??
    (await loadDomain(
      await openForJob(recipe.target, recipe, { rows: ['train', 'valid'] }),
      recipe,
      console,
    ));
  if (describe && fresh) for (const line of describeDomain(target)) console.line(line);
  const recommender = await recommenderOf(model, recipe, [target], console);
  const start = async (): Promise<void> => {
    if (from === null) return;
    const { path, tensors } = await startingWeights(from);
    const { fresh: kept } = transferWeights(recommender, tensors, path);
    if (describe) console.line(`from ${path}${kept.length > 0 ? `; fresh: ${kept.join(', ')}` : ''}`);
  };
  return trainOnTarget(recipe, { model, target, recommender, start, warm, least }, console);
}

/** Trains, ranks the test rows with the best checkpoint and keeps what was found. */
async function trainOnTarget(
  recipe: TargetRecipe & { out: string },
  {
    model,
    target,
    recommender,
    start,
    warm,
    least,
  }: {
    model: SequentialModel;
    target: LoadedDomain;
    recommender: Recommender;
    start: () => Promise<void>;
    warm: WarmStart | undefined;
    least?: EarlyStopping['least'];
  },
  console: JobConsole,
): Promise<TargetResult> {
  const { domain } = target;
  const settings = trainingOf(recipe);
  const { batchSize, learningRate, epochs, patience, checkpointEvery } = settings;
  const evaluation = rankingOptions(recipe.evaluation, domain);
  let tested: RankingResult | undefined;
  const training = createTraining({
    recommender,
    objective: objectiveOf(recipe, recommender),
    train: domain.train,
    valid: domain.valid,
    test: domain.test,
    batchSize,
    ...optimizerOf(settings),
    ...encoderGroups(recipe, recommender.catalogue.encoders, { learningRate }),
    tuning: tuningOf(recipe),
    evaluation,
    onRanked: (split, result) => {
      if (split === 'test') tested = result;
    },
  });
  try {
    await start();
    const summary = await train(recipe, model, training, console, {
      epochs,
      earlyStopping: { metric: recipe.evaluation.metric, patience, least },
      checkpointEvery,
      ...(recipe.job === 'train' && {
        validateEvery: recipe.training.validateEvery,
        warm,
        tables: {
          roles: rowRoles(recommender),
          names: { items: domain.items.ids, users: domain.users },
        },
      }),
      fingerprint: fingerprint([target], model.positions(recommender.options)),
    });
    const left = await leftBehind(recipe.out, summary);
    if (left && !tested) return { summary, ...left };
    // Training leaves the best checkpoint's weights in the model.
    const places =
      tested ?? (await evaluateRecommender(training.ranking, recommender, domain.test, evaluation));
    const { history } = recipe.evaluation;
    const { checkpoint } = summary.best;
    const present = presentOf(recommender);
    const rows = rankedRows({ domain, split: 'test', history, places, present, checkpoint });
    await keepRows(recipe.out, 'test', rows);
    const found = recommender.state();
    const interests =
      found === undefined ? null : (model.state?.interests?.(recommender.options, found) ?? null);
    return { summary, details: keepDetails(recipe.out, target, checkpoint, interests), rows };
  } finally {
    training.dispose();
    recommender.dispose();
  }
}
