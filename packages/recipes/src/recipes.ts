import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { z } from 'zod';
import { recipeSchema, type Recipe } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { readRecipe } from './validate.ts';
import { UserError } from './errors.ts';

/** Where studies keep their recipes: `apps/<study>/recipes`. */
const appsDirectory = join(import.meta.dirname, '../../../apps');

/** A recipe and where it came from. */
export interface LoadedRecipe {
  /** File name without its ending: names runs. */
  readonly name: string;
  /** The file. */
  readonly file: string;
  /** The values, defaults filled in. */
  readonly recipe: Recipe;
}

/** The recipes that come with Ferry: file by name. */
function ownRecipes(): Map<string, string> {
  const folders = readdirSync(appsDirectory)
    .map((app) => join(appsDirectory, app, 'recipes'))
    .filter((folder) => existsSync(folder));
  const files = folders.flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)));
  return new Map(
    files.filter((file) => file.endsWith('.yaml')).map((file) => [basename(file, '.yaml'), file]),
  );
}

/** Names of the recipes that come with Ferry. */
export function recipeNames(): string[] {
  return [...ownRecipes().keys()].sort();
}

/** The directory of a run or study whose own `recipe.yaml` a file is; undefined for other recipes. */
function madeDirectory(file: string, { job }: Recipe): string | undefined {
  const directory = dirname(file);
  if (basename(file) !== 'recipe.yaml') return undefined;
  const marks =
    job === 'study' ? ['results.json', 'finetune', 'pretrain'] : ['environment.json', 'checkpoints'];
  return marks.some((mark) => existsSync(join(directory, mark))) ? directory : undefined;
}

/**
 * Finds, reads and checks a recipe. That of a run or a study names its directory, wherever it lies now.
 *
 * @param reference - A path, the directory of a run or study, or the name of a recipe that comes with Ferry.
 * @param overrides - `key.sub=value`.
 * @param schema - What it must look like; default any recipe.
 * @throws UserError if there is none; RecipeError if it cannot be used.
 */
export function loadRecipe(
  reference: string,
  overrides: readonly string[] = [],
  schema: z.ZodType<Recipe> = recipeSchema,
): LoadedRecipe {
  const isName = !/[/\\]|\.ya?ml$/.test(reference);
  const own = isName ? ownRecipes().get(reference) : undefined;
  const inside = join(reference, 'recipe.yaml');
  const file = own ?? (existsSync(inside) ? inside : reference);
  if (isName && file === reference ? own === undefined : !existsSync(file)) {
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
    schema,
    overrides,
  );
  const directory = madeDirectory(file, recipe);
  if (directory === undefined) return { name: basename(file).replace(/\.ya?ml$/, ''), file, recipe };
  const elsewhere = overrides.some((override) => override.startsWith('out='));
  return {
    name: basename(resolve(directory)),
    file,
    recipe: elsewhere ? recipe : { ...recipe, out: directory },
  };
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
