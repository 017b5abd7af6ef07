import type { MissRecTraining } from '@ferry/missrec';
import type { FinetuneRecipe, PretrainRecipe } from '@ferry/recipes';
import { runTraining, type JsonObject, type Summary, type TrainingOptions } from '@ferry/training';
import { StoppedError, type JobConsole } from './console.ts';

/**
 * Keys of a recipe that may differ when a run is resumed: they do not change its numbers, or, for backend and threads,
 * only the last digits.
 */
export const mayDiffer: readonly string[] = [
  ...['description', 'needs', 'takes', 'out', 'backend', 'threads'],
  ...['pretraining.checkpointEvery', 'finetuning.checkpointEvery', 'evaluation.batchSize'],
];

/** A recipe as it is saved. */
export function asJson(recipe: object): JsonObject {
  return JSON.parse(JSON.stringify(recipe)) as JsonObject;
}

/**
 * Trains in a run directory as a recipe says.
 *
 * @throws StoppedError if someone stopped it.
 */
export async function train<B>(
  recipe: (PretrainRecipe | FinetuneRecipe) & { out: string },
  model: MissRecTraining<B>,
  console: JobConsole,
  options: Pick<
    TrainingOptions<B>,
    'epochs' | 'earlyStopping' | 'keepEvery' | 'checkpointEvery' | 'fingerprint'
  >,
): Promise<Summary> {
  const result = await runTraining({
    directory: recipe.out,
    recipe: asJson(recipe),
    mayDiffer,
    model,
    seed: recipe.seed,
    resumeCommand: console.resumeCommand,
    fallback: console.fallback,
    output: console.training,
    signal: console.signal,
    ...options,
  });
  if (result.status === 'finished') return result.summary;
  throw new StoppedError(
    `stopped by ${result.by} and saved in ${recipe.out}` +
      (console.resumeCommand === undefined ? '' : `; to go on: ${console.resumeCommand}`),
  );
}
