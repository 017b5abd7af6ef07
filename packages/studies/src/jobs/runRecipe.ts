import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  checkRecipe,
  parseRecipe,
  readText,
  recipeSchema,
  UserError,
  wholeRecipe,
  type RecipeDocument,
  type RunRecipe,
} from '@ferry/recipes';
import type { JobConsole } from './console.ts';
import { refuseAsRun } from './whatIs.ts';

function runDocument(run: string): RecipeDocument {
  const file = join(run, 'recipe.yaml');
  if (!existsSync(file)) refuseAsRun(run);
  return parseRecipe(readText(file, 'recipe file'), file);
}

/**
 * The recipe a run directory was made by, as far as it can be checked without its model.
 *
 * @throws UserError if it is no run of one model.
 */
export function runRecipe(run: string): RunRecipe {
  const recipe = checkRecipe(runDocument(run), recipeSchema);
  if (recipe.job === 'study')
    throw new UserError(`${run} is a study: name one of its runs, such as ${join(run, 'finetune/…')}`);
  return recipe;
}

/** {@link runRecipe}, checked and completed by its model. */
export function wholeRun(run: string, { models }: JobConsole): Promise<RunRecipe> {
  runRecipe(run);
  return wholeRecipe(runDocument(run), models);
}
