import type { RankingResult } from '@ferry/evaluation';
import type { FinetuneRecipe, TrainRecipe } from '@ferry/recipes';
import {
  createTraining,
  evaluateRecommender,
  type EvaluateOptions,
  type ModelTypes,
  type Objective,
  type Recommender,
} from '@ferry/sequential';
import type { Summary } from '@ferry/training';
import { readDetails, writeDetails, type InterestSizes, type RunDetails } from '../details.ts';
import { keepRows, keptRows, rankedRows, type RankedRows } from '../rows.ts';
import type { JobConsole } from './console.ts';
import { fingerprint, type LoadedDomain } from './model.ts';
import { train } from './train.ts';

/** A recipe that trains on one domain. */
export type TargetRecipe = FinetuneRecipe | TrainRecipe;

/** What {@link trainOnTarget} returns. */
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
export function rankingOptions({
  batchSize,
  history,
  ties,
  cutoffs,
}: TargetRecipe['evaluation']): EvaluateOptions {
  return { batchSize, history, ties, k: cutoffs };
}

/** What a finished run of today left behind for its best checkpoint; undefined if anything is missing. */
async function leftBehind(
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

/** {@link TargetResult} of a run that is finished with these settings; undefined if there is work to be done. */
export async function finishedTarget(
  run: string,
  { epochs, patience }: { epochs: number; patience: number | null },
  summary: Summary | undefined,
): Promise<TargetResult | undefined> {
  // A run that ended for want of epochs or patience goes on if it is given more.
  const goesOn =
    summary?.reason === 'epochs'
      ? summary.epochs < epochs
      : summary !== undefined &&
        summary.epochs < epochs &&
        (patience === null || summary.epochs - summary.best.epoch <= patience);
  if (!summary || goesOn) return undefined;
  const left = await leftBehind(run, summary);
  return left && { summary, ...left };
}

/** What {@link trainOnTarget} is given. */
export interface TargetTraining<T extends ModelTypes> {
  /** The recipe, with the run directory in `out`. */
  readonly recipe: TargetRecipe & { out: string };
  /** Its settings of the training. */
  readonly settings: Pick<
    FinetuneRecipe['finetuning'],
    'batchSize' | 'learningRate' | 'weightDecay' | 'clipNorm' | 'epochs' | 'patience' | 'checkpointEvery'
  >;
  /** The domain. */
  readonly target: LoadedDomain;
  /** The model; disposed afterwards. */
  readonly recommender: Recommender<T>;
  /** What it is trained by. */
  readonly objective: Objective<T>;
  /** What is trained. */
  readonly tuning: string;
  /** Gives the model the weights it starts from. */
  readonly start?: () => Promise<void>;
  /** How the best model's interests spread, where it has any. */
  readonly interests?: () => InterestSizes | null;
}

/** Trains a model on a domain in a run directory, ranks the test rows with the best checkpoint and keeps what was found. */
export async function trainOnTarget<T extends ModelTypes>(
  { recipe, settings, target, recommender, objective, tuning, start, interests }: TargetTraining<T>,
  console: JobConsole,
): Promise<TargetResult> {
  const { domain } = target;
  const { batchSize, learningRate, weightDecay, clipNorm, epochs, patience, checkpointEvery } = settings;
  const evaluation = rankingOptions(recipe.evaluation);
  let tested: RankingResult | undefined;
  const training = createTraining({
    recommender,
    objective,
    train: domain.train,
    valid: domain.valid,
    test: domain.test,
    batchSize,
    learningRate,
    weightDecay,
    ...(clipNorm !== null && { clipNorm }),
    tuning,
    evaluation,
    onRanked: (split, result) => {
      if (split === 'test') tested = result;
    },
  });
  try {
    await start?.();
    const summary = await train(recipe, training, console, {
      epochs,
      earlyStopping: { metric: recipe.evaluation.metric, patience },
      checkpointEvery,
      fingerprint: fingerprint([target], recommender.model.positions(recommender.options)),
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
    const details = { domain: domain.name, checkpoint, interests: interests?.() ?? null };
    writeDetails(recipe.out, details);
    return { summary, details, rows };
  } finally {
    training.dispose();
    recommender.dispose();
  }
}
