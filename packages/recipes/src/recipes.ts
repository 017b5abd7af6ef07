import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { z } from 'zod';
import { parseRecipe, RecipeError, type RecipeDocument } from './document.ts';
import { UserError } from './errors.ts';
import type { ModelRegistry, ModelSchemas } from './models.ts';
import { recipeSchema, type Recipe, type RunRecipe } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { readText } from './textFile.ts';
import { checkRecipe } from './validate.ts';
import { wholeSchema } from './wholeSchema.ts';

/** The jobs that make one run. */
const runJobs = ['pretrain', 'finetune', 'train'] as const;
/** All jobs. */
const jobNames: readonly Recipe['job'][] = [...runJobs, 'study'];

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
function madeDirectory(file: string, job: unknown): string | undefined {
  const directory = dirname(file);
  if (basename(file) !== 'recipe.yaml') return undefined;
  const marks =
    job === 'study' ? ['results.json', 'finetune', 'pretrain', 'runs'] : ['environment.json', 'checkpoints'];
  return marks.some((mark) => existsSync(join(directory, mark))) ? directory : undefined;
}

/** A recipe's file, read and not yet checked. */
export interface RecipeFile {
  /** File name without its ending: names runs. */
  readonly name: string;
  /** The file. */
  readonly file: string;
  /** What it says, overrides applied. */
  readonly document: RecipeDocument;
  /** Whether Ferry wrote it for a run or a study: it is not the user's word. */
  readonly ofRun: boolean;
}

/**
 * Finds and reads a recipe without checking it. That of a run or a study names its directory, wherever it lies now.
 *
 * @param reference - A path, the directory of a run or study, or the name of a recipe that comes with Ferry.
 * @param overrides - `key.sub=value`.
 * @throws UserError if there is none; RecipeError if it cannot be parsed.
 */
export function openRecipe(reference: string, overrides: readonly string[] = []): RecipeFile {
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
  const text = readText(file, 'recipe file');
  const document = parseRecipe(text, shown.startsWith('..') ? file : shown, overrides);
  const { job } = document.value as { job?: unknown };
  const directory = madeDirectory(file, job);
  const ofRun = directory !== undefined || file === inside;
  if (directory === undefined) return { name: basename(file).replace(/\.ya?ml$/, ''), file, document, ofRun };
  const elsewhere = overrides.some((override) => override.startsWith('out='));
  const value = elsewhere ? document.value : { ...(document.value as object), out: directory };
  return { name: basename(resolve(directory)), file, document: { ...document, value }, ofRun };
}

/**
 * {@link openRecipe}, checked as far as that is possible without its model: by the schema of any recipe.
 *
 * @throws RecipeError if it cannot be used.
 */
export function loadRecipe(reference: string, overrides: readonly string[] = []): LoadedRecipe {
  const { name, file, document } = openRecipe(reference, overrides);
  return { name, file, recipe: checkRecipe(document, recipeSchema) };
}

/**
 * {@link openRecipe} for one kind of job.
 *
 * @throws UserError if it is a recipe of another kind.
 */
export function openJob(
  job: Recipe['job'],
  reference: string,
  overrides: readonly string[] = [],
): RecipeFile {
  const opened = openRecipe(reference, overrides);
  const { job: own } = opened.document.value as { job?: unknown };
  // A job that there is not is left for the schema to find.
  if (own !== job && jobNames.some((name) => name === own))
    throw new UserError(`${reference} is a recipe for 'ferry ${String(own)}', got it for 'ferry ${job}'`);
  return opened;
}

/** The name of the model that a recipe of one run gives; undefined if it gives none. */
function modelName(value: unknown): string | undefined {
  const { model } = value as { model?: { name?: unknown } | null };
  return typeof model?.name === 'string' && model.name !== '' ? model.name : undefined;
}

/**
 * The schema of a recipe: of any recipe, or, for a run, that of its job, its model and its objective.
 *
 * @param document - The recipe.
 * @param models - The models there are.
 * @throws RecipeError if it names a model that there is not.
 */
export async function schemaOf(document: RecipeDocument, models: ModelRegistry): Promise<z.ZodType<Recipe>> {
  const value = document.value as { job?: unknown };
  if (!runJobs.some((job) => job === value.job)) return recipeSchema;
  const name = modelName(value);
  // `ferry train` has no model of its own.
  if (name === undefined && value.job === 'train') return recipeSchema;
  let model: ModelSchemas;
  try {
    model = await models.load(name ?? models.unnamed);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const where = document.locate(['model', 'name']);
    throw new RecipeError(document.file, [{ where, message: `model.name: ${error.message}` }]);
  }
  return wholeSchema(value, model);
}

/**
 * A recipe of one run, whole: checked by its model and its objective, with their defaults filled in.
 *
 * @throws RecipeError with every problem.
 */
export async function wholeRecipe(document: RecipeDocument, models: ModelRegistry): Promise<RunRecipe> {
  return checkRecipe(document, await schemaOf(document, models)) as RunRecipe;
}
