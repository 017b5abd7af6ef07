import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { modelFilesIn, openRecipe, overridesModel, UserError, type RecipeFile } from '@ferry/recipes';
import type { SequentialModel } from '@ferry/sequential';
import { z } from 'zod';

/**
 * Loads an action of `src/actions` and model files as modules that share all packages: the launcher's, see
 * bin/compiled.js.
 */
export type BundleWith = (
  action: string,
  files: readonly string[],
) => Promise<{ action: object; models: unknown[] }>;

let bundleWith: BundleWith | undefined;

/** Tells how model files are loaded in the compiled program; without it sources are loaded as they are (tests). */
export function loadBy(bundle: BundleWith | undefined): void {
  bundleWith = bundle;
}

/** A model file of the user's, read and not run. */
export interface OwnModel {
  /** Its name in the recipe, such as `./mine.ts`. */
  readonly name: string;
  /** Its path. */
  readonly file: string;
  /** SHA-256 of the file; with files that it imports, of their names and hashes. */
  readonly sha256: string;
}

const sha256Of = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');

/**
 * Reads a model file, and what it imports by a relative path, without running anything.
 *
 * @param name - In the recipe.
 * @param path - Where it is.
 * @throws UserError if there is no such file, or it cannot be parsed.
 */
export async function readModelFile(name: string, path: string): Promise<OwnModel> {
  if (!existsSync(path)) throw new UserError(`no such model file: ${shown(path)}`);
  const file = realpathSync(path);
  const folder = dirname(file);
  const { build } = await import('esbuild');
  let inputs: string[];
  try {
    const { metafile } = await build({
      entryPoints: [file],
      absWorkingDir: folder,
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      logLevel: 'silent',
    });
    inputs = Object.keys(metafile.inputs).sort();
  } catch (error) {
    throw new UserError((error as Error).message.replace(/^Build failed[^\n]*\n/, ''));
  }
  const hashes = inputs.map((input) => [input, sha256Of(readFileSync(resolve(folder, input)))] as const);
  const sha256 =
    hashes.length === 1 ? hashes[0]![1] : sha256Of(hashes.map((pair) => pair.join(' ')).join('\n'));
  return { name, file, sha256 };
}

/** The hash of its model file that a run keeps. */
function keptHash({ document }: RecipeFile): string | undefined {
  const { model } = document.value as { model?: { sha256?: unknown } };
  return typeof model?.sha256 === 'string' ? model.sha256 : undefined;
}

/**
 * The model files that a recipe names, relative to it or to where one is, if they may be run: they are where the user's
 * own recipe or command line names them. A recipe that Ferry wrote for a run only says what the run was made by.
 *
 * @param opened - The recipe.
 * @param overrides - Of the command line.
 * @param allowed - What `--allow-model` says: files, or the first digits of hashes.
 * @throws UserError if one is not there, may not be run, or is not what the run was trained with.
 */
export async function ownModels(
  opened: RecipeFile,
  overrides: readonly string[],
  allowed: readonly string[] = [],
): Promise<OwnModel[]> {
  const typed = overridesModel(overrides);
  const places = typed ? ['.', dirname(opened.file)] : [dirname(opened.file), '.'];
  return await Promise.all(
    modelFilesIn(opened.document.value).map(async (name) => {
      const found = places.map((place) => resolve(place, name)).find(existsSync) ?? resolve(places[0]!, name);
      return opened.ofRun && !typed
        ? await allowedModel(name, found, { run: dirname(opened.file), allowed, trained: keptHash(opened) })
        : await readModelFile(name, found);
    }),
  );
}

/** {@link ownModels} of a run directory; none where it has no recipe, which the action tells. */
export async function runModels(run: string, allowed?: readonly string[]): Promise<OwnModel[]> {
  return existsSync(join(run, 'recipe.yaml')) ? ownModels(openRecipe(`${run}/`), [], allowed) : [];
}

/** A model file that a run names, if the user allows it. */
async function allowedModel(
  name: string,
  path: string,
  { run, allowed, trained }: { run: string; allowed: readonly string[]; trained: string | undefined },
): Promise<OwnModel> {
  const files = allowed.filter((text) => existsSync(text));
  // One that was moved is told by its hash or, in a study, whose recipe has none, by its name.
  for (const file of files)
    if (
      (trained === undefined && !existsSync(path) && basename(file) === basename(path)) ||
      (trained !== undefined && (await readModelFile(name, file)).sha256 === trained)
    )
      path = file;
  const found = existsSync(path) ? await readModelFile(name, path) : undefined;
  const other = files.find((file) => realpathSync(file) !== found?.file) ?? found?.file;
  if (trained !== undefined && found && found.sha256 !== trained)
    throw new UserError(
      `${run} was trained with another model file: SHA-256 ${trained}, ${shown(other!)} has another; ` +
        'name the right one with --allow-model <file>',
    );
  const hash = found?.sha256 ?? trained ?? '';
  const permitted = allowed.some(
    (text) =>
      (existsSync(text) && realpathSync(text) === found?.file) ||
      (/^[\da-f]{12,}$/i.test(text) && hash.startsWith(text.toLowerCase())),
  );
  if (!permitted)
    throw new UserError(
      `${run} was trained with a model file, whose code runs only where you say so: ${path}` +
        (hash === ''
          ? '; to run it: --allow-model <the file>'
          : `, SHA-256 ${hash}; to run it: --allow-model ${hash.slice(0, 12)}, or --allow-model <the file>`),
    );
  if (!found) throw new UserError(`no such model file: ${path} (if it was moved: --allow-model <the file>)`);
  return found;
}

/**
 * Refuses model files that have changed since a run began.
 *
 * @param out - The run directory, which need not be there.
 */
export function checkUnchanged(models: readonly OwnModel[], out: string): void {
  const [own] = models;
  if (!own || !existsSync(join(out, 'recipe.yaml'))) return;
  const before = keptHash(openRecipe(`${out}/`));
  if (before !== undefined && before !== own.sha256)
    throw new UserError(
      `${shown(own.file)} has changed since ${out} began: SHA-256 ${before} then, ${own.sha256} now; ` +
        'train it in another directory (--out), or put the file back',
    );
}

/** What an action that computes with models exports. */
interface WithModels {
  addModels(added: readonly (readonly [names: readonly string[], model: SequentialModel])[]): void;
}

/**
 * Loads an action, and with it model files, whose code is thereby run.
 *
 * @param name - Of the module in `src/actions`.
 * @param load - The action where there are no model files.
 * @param own - The files.
 */
export async function loadAction<A extends WithModels>(
  name: string,
  load: () => Promise<A>,
  own: readonly OwnModel[],
): Promise<A> {
  if (own.length === 0) return load();
  const files = own.map(({ file }) => file);
  let action: A;
  let models: unknown[];
  try {
    if (bundleWith) {
      const bundle = await bundleWith(name, files);
      action = bundle.action as A;
      models = bundle.models;
    } else {
      action = await load();
      const loaded = files.map((file) => import(pathToFileURL(file).href) as Promise<{ default: unknown }>);
      models = (await Promise.all(loaded)).map((module) => module.default);
    }
  } catch (error) {
    throw new UserError(`${files.map(shown).join(', ')} could not be loaded: ${(error as Error).message}`, {
      cause: error,
    });
  }
  action.addModels(own.map((file, i) => [[file.name, file.file], asNamed(file, models[i])] as const));
  return action;
}

/** What a model must have to be one. */
const wanted = {
  title: 'string',
  paper: 'string',
  options: 'object',
  positions: 'function',
  modalities: 'function',
  init: 'function',
  items: 'function',
  queries: 'function',
  candidates: 'function',
  scores: 'function',
  objectives: 'object',
  weights: 'object',
} as const;

/** The model of a file, known by its path; its settings hold the file's hash, which a run thereby keeps. */
function asNamed({ file, sha256 }: OwnModel, given: unknown): SequentialModel {
  if (typeof given !== 'object' || given === null)
    throw new UserError(
      `${shown(file)} must export a model by default (export default …), got ${given === null ? 'null' : typeof given}`,
    );
  const members = given as Record<string, unknown>;
  for (const [key, type] of Object.entries(wanted))
    if (typeof members[key] !== type || members[key] === null)
      throw new UserError(
        `${shown(file)}: the model must have '${key}' (${type}), got ${typeof members[key]}`,
      );
  const model = given as SequentialModel;
  if (Object.keys(model.objectives).length === 0)
    throw new UserError(`${shown(file)}: the model must have at least one objective, got none`);
  if (!(model.options instanceof z.ZodObject))
    throw new UserError(`${shown(file)}: options must be a zod object, such as z.strictObject({ … })`);
  const kept = z.literal(sha256).default(sha256).describe('SHA-256 of the file: what a run was trained with');
  return {
    ...model,
    name: file,
    options: z.strictObject({ ...(model.options.shape as Record<string, z.ZodType>), sha256: kept }),
    complete: (settings, facts) => {
      const own = Object.fromEntries(Object.entries(settings).filter(([key]) => key !== 'sha256'));
      return model.complete?.(own, facts) ?? own;
    },
  };
}

function shown(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith('..') ? file : path;
}
