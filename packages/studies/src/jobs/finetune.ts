import type { RankingResult } from '@ferry/evaluation';
import { createMissRec, finetuning } from '@ferry/missrec';
import type { FinetuneRecipe } from '@ferry/recipes';
import {
  createTraining,
  evaluateRecommender,
  type EvaluateOptions,
  type Recommender,
  transferWeights,
} from '@ferry/sequential';
import { checkpointsOf, listCheckpoints, type Summary } from '@ferry/training';
import { readDetails, writeDetails, type RunDetails } from '../details.ts';
import { keepRows, keptRows, rankedRows, type RankedRows } from '../rows.ts';
import type { JobConsole } from './console.ts';
import { interestSizesOf } from './examine.ts';
import {
  catalogueFeatures,
  describeDomain,
  fingerprint,
  loadDomain,
  modelOptions,
  openForJob,
  type LoadedDomain,
} from './model.ts';
import { checkPlace } from './place.ts';
import { startPath } from './studyRuns.ts';
import { train } from './train.ts';
import { checkStart, startingWeights } from './weights.ts';

/** What {@link runFinetune} returns. */
export interface FinetuneResult {
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
}: FinetuneRecipe['evaluation']): EvaluateOptions {
  return { batchSize, history, ties, k: cutoffs };
}

/** What a finished run of today left behind for its best checkpoint; undefined if anything is missing. */
async function leftBehind(
  run: string,
  { best }: Summary,
): Promise<Omit<FinetuneResult, 'summary'> | undefined> {
  const details = readDetails(run);
  const rows = await keptRows(run);
  if (!details || !rows) return undefined;
  // Runs of before rows were kept do not name the checkpoint.
  const isBest = (checkpoint: string | undefined): boolean =>
    (checkpoint ?? best.checkpoint) === best.checkpoint;
  return isBest(details.checkpoint) && isBest(rows.checkpoint) ? { details, rows } : undefined;
}

/** {@link FinetuneResult} of a run that is finished with these settings; undefined if there is work to be done. */
export async function finishedFinetune(
  { out, finetuning }: FinetuneRecipe & { out: string },
  summary: Summary | undefined,
): Promise<FinetuneResult | undefined> {
  // A run that ended for want of epochs or patience goes on if it is given more.
  const goesOn =
    summary?.reason === 'epochs'
      ? summary.epochs < finetuning.epochs
      : summary !== undefined &&
        summary.epochs < finetuning.epochs &&
        (finetuning.patience === null || summary.epochs - summary.best.epoch <= finetuning.patience);
  if (!summary || goesOn) return undefined;
  const left = await leftBehind(out, summary);
  return left && { summary, ...left };
}

/**
 * Fine-tunes on the target of a recipe, or trains on it from scratch, and looks at the test closely. A finished run is
 * not trained again.
 *
 * @param recipe - With the run directory in `out`.
 * @param options - `loaded`: the domain, if it was read before.
 */
export async function runFinetune(
  recipe: FinetuneRecipe & { out: string },
  console: JobConsole,
  { loaded, describe = true }: { loaded?: LoadedDomain; describe?: boolean } = {},
): Promise<FinetuneResult> {
  if (!loaded) checkPlace(recipe.out);
  const fresh = listCheckpoints(checkpointsOf(recipe.out)).length === 0;
  // Seconds before minutes: what can be missing is found missing before anything is encoded.
  if (fresh && recipe.from !== null) checkStart(startPath(recipe.from, recipe.out));
  const target =
    loaded ??
    (await loadDomain(
      await openForJob(recipe.target, recipe, { rows: ['train', 'valid'] }),
      recipe,
      console,
    ));
  const { domain, features } = target;
  if (describe && fresh) for (const line of describeDomain(target)) console.line(line);
  const model = createMissRec({
    options: modelOptions(recipe, features),
    features: catalogueFeatures(target),
    seed: recipe.seed,
  });
  const { batchSize, learningRate, weightDecay, clipNorm, epochs, patience, tune, checkpointEvery } =
    recipe.finetuning;
  const evaluation = rankingOptions(recipe.evaluation);
  let tested: RankingResult | undefined;
  const training = createTraining({
    recommender: model,
    objective: finetuning(model.options),
    train: domain.train,
    valid: domain.valid,
    test: domain.test,
    batchSize,
    learningRate,
    weightDecay,
    ...(clipNorm !== null && { clipNorm }),
    tuning: recipe.from !== null && tune === 'efficient' ? 'efficient' : 'all',
    evaluation,
    onRanked: (split, result) => {
      if (split === 'test') tested = result;
    },
  });
  try {
    if (recipe.from !== null && fresh) {
      const { path, tensors } = await startingWeights(startPath(recipe.from, recipe.out));
      const { fresh: kept } = transferWeights(model, tensors, path);
      if (describe) console.line(`from ${path}${kept.length > 0 ? `; fresh: ${kept.join(', ')}` : ''}`);
    }
    const summary = await train(recipe, training, console, {
      epochs,
      earlyStopping: { metric: recipe.evaluation.metric, patience },
      checkpointEvery,
      fingerprint: fingerprint([target], recipe.model.positions),
    });
    const left = await leftBehind(recipe.out, summary);
    if (left && !tested) return { summary, ...left };
    // Training leaves the best checkpoint's weights in the model.
    const places = tested ?? (await evaluateRecommender(training.ranking, model, domain.test, evaluation));
    const { history } = recipe.evaluation;
    const { checkpoint } = summary.best;
    const rows = rankedRows({
      domain,
      split: 'test',
      history,
      places,
      present: presentOf(model),
      checkpoint,
    });
    await keepRows(recipe.out, 'test', rows);
    const details = { domain: domain.name, checkpoint, interests: interestSizesOf(model) };
    writeDetails(recipe.out, details);
    return { summary, details, rows };
  } finally {
    training.dispose();
    model.dispose();
  }
}
