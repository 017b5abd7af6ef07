import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { recipeSchema, type Recipe } from './config/schema.ts';
import { didYouMean } from './config/suggest.ts';
import { readRecipe } from './config/validate.ts';
import { UserError } from './errors.ts';

/** Where the recipes that come with Ferry are. */
export const recipesDirectory = join(import.meta.dirname, '../recipes');

/** A recipe and where it came from. */
export interface LoadedRecipe {
  /** File name without its ending: names runs. */
  readonly name: string;
  /** The file. */
  readonly file: string;
  /** The values, defaults filled in. */
  readonly recipe: Recipe;
}

/** Names of the recipes that come with Ferry. */
export function recipeNames(): string[] {
  return readdirSync(recipesDirectory)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .sort();
}

/**
 * Finds, reads and checks a recipe.
 *
 * @param reference - A path, or the name of a recipe that comes with Ferry.
 * @param overrides - `key.sub=value`.
 * @throws UserError if there is none; RecipeError if it cannot be used.
 */
export function loadRecipe(reference: string, overrides: readonly string[] = []): LoadedRecipe {
  const own = join(recipesDirectory, `${reference}.yaml`);
  const isName = !/[/\\]|\.ya?ml$/.test(reference);
  const file = isName && existsSync(own) ? own : reference;
  if (!existsSync(file) || (isName && file !== own)) {
    const names = recipeNames();
    throw new UserError(
      isName
        ? `no recipe '${reference}'${didYouMean(reference, names)} (there are ${names.join(', ')})`
        : `no such recipe file: ${reference}`,
    );
  }
  const shown = relative(process.cwd(), file);
  const recipe = readRecipe(
    readFileSync(file, 'utf8'),
    shown.startsWith('..') ? file : shown,
    recipeSchema,
    overrides,
  );
  return { name: basename(file).replace(/\.ya?ml$/, ''), file, recipe };
}

/**
 * {@link loadRecipe} for one kind of job.
 *
 * @throws UserError if it is a recipe of another kind.
 */
export function loadJob<J extends Recipe['job']>(
  job: J,
  reference: string,
  overrides: readonly string[] = [],
): LoadedRecipe & { recipe: Extract<Recipe, { job: J }> } {
  const loaded = loadRecipe(reference, overrides);
  if (loaded.recipe.job !== job)
    throw new UserError(
      `${reference} is a recipe for 'ferry ${loaded.recipe.job}', got it for 'ferry ${job}'`,
    );
  return loaded as LoadedRecipe & { recipe: Extract<Recipe, { job: J }> };
}
