import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UserError } from '@ferry/recipes';
import { loadRecommender, type StoredRecommender } from '@ferry/sequential';
import { openCheckpoint, readSummary } from '@ferry/training';
import { importedFile, refuseAsStart } from './whatIs.ts';

/** Weights on disk. */
export interface StoredWeights {
  /** Where they were found. */
  readonly path: string;
  /** Weights and interests by name. */
  readonly tensors: StoredRecommender['tensors'];
}

/** The weights a path means: of an imported run, of a run's best (or last) checkpoint, or of a checkpoint. */
export async function storedWeights(path: string, which: 'best' | 'last' = 'best'): Promise<StoredWeights> {
  const imported = join(path, importedFile);
  if (existsSync(imported)) return { path: imported, tensors: (await loadRecommender(imported)).tensors };
  const checkpoint = await openCheckpoint(path, which);
  return { path: checkpoint.path, tensors: checkpoint.model };
}

/** Whether a path is that of a run, also one that is not finished, or of a checkpoint. */
function holdsWeights(path: string): boolean {
  const marks = ['recipe.yaml', 'checkpoints', 'state.json', importedFile];
  return /^step-\d+$/.test(basename(path)) || marks.some((name) => existsSync(join(path, name)));
}

/**
 * Checks that there is a finished run or a checkpoint to start from, without reading it.
 *
 * @throws UserError if there is nothing, anything else, or a run that is not finished.
 */
export function checkStart(from: string): void {
  if (!existsSync(from))
    throw new UserError(
      `from: no such run or checkpoint: ${from} (make it first, or set from=null to train from scratch)`,
    );
  if (!holdsWeights(from)) refuseAsStart(from);
  if (existsSync(join(from, 'recipe.yaml')) && !existsSync(join(from, importedFile)) && !readSummary(from))
    throw new UserError(`from: ${from} is not finished: finish it first, or name one of its checkpoints`);
}

/** {@link storedWeights} to start from, after {@link checkStart}. */
export async function startingWeights(from: string): Promise<StoredWeights> {
  checkStart(from);
  return storedWeights(from);
}
