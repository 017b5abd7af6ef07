import type { ModelSchemas, RunRecipe } from '@ferry/recipes';
import {
  runTraining,
  type NamedTables,
  type Summary,
  type TrainableModel,
  type TrainingOptions,
} from '@ferry/training';
import { asJson } from '../recipeYaml.ts';
import { savedRecipe } from './savedRecipe.ts';
import { StoppedError, type JobConsole } from './console.ts';
import { carryStart, namesFile, namesOf, startFile, type WarmStart } from './warm.ts';

/**
 * Keys of a recipe that may differ when a run is resumed: they do not change its numbers (for backend and threads only
 * the last digits), or say how long it goes on.
 */
export const mayDiffer: readonly string[] = [
  ...['description', 'needs', 'takes', 'out', 'backend', 'threads', 'evaluation.batchSize'],
  ...['pretraining', 'finetuning', 'training'].flatMap((part) => [
    `${part}.checkpointEvery`,
    `${part}.epochs`,
    `${part}.patience`,
  ]),
];

/** Where a training starts, and the tables of a model that another may start from. */
export interface Start {
  /** What it starts from; undefined for its first weights, and where it goes on. */
  readonly warm?: WarmStart | undefined;
  /** What the rows of its tables stand for; undefined where no other training starts from it by `warm`. */
  readonly tables?: NamedTables | undefined;
}

/**
 * Trains in a run directory as a recipe says.
 *
 * @param schemas - Of the model that the recipe names.
 * @param model - What is trained.
 * @param options - How long, how epochs are chosen, what identifies the data; where it starts.
 * @throws StoppedError if someone stopped it.
 */
export async function train<B>(
  recipe: RunRecipe & { out: string },
  schemas: ModelSchemas,
  model: TrainableModel<B>,
  console: JobConsole,
  {
    warm,
    tables,
    ...options
  }: Pick<
    TrainingOptions<B>,
    'epochs' | 'earlyStopping' | 'keepEvery' | 'checkpointEvery' | 'fingerprint' | 'validateEvery'
  > &
    Start,
): Promise<Summary> {
  const files = {
    ...(tables && { [namesFile]: namesOf(model, tables) }),
    ...(warm && tables && { [startFile]: await carryStart(warm, model, tables, console) }),
  };
  const result = await runTraining({
    directory: recipe.out,
    // Where a run lies is not part of its recipe: a directory can be moved.
    recipe: asJson({ ...recipe, out: undefined }),
    mayDiffer,
    readSaved: (saved) => savedRecipe(saved, recipe, schemas),
    files,
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
