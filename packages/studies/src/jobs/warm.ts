/** A training that starts from the weights of a finished run (`warm` of `ferry train`). */
import { existsSync, realpathSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { recipeParts, UserError, type FinetuneRecipe, type TrainRecipe } from '@ferry/recipes';
import { rowRoles } from '@ferry/sequential';
import {
  carryWeights,
  checkpointsOf,
  differences,
  listCheckpoints,
  namedKinds,
  openCheckpoint,
  readJson,
  readSummary,
  type Checkpoint,
  type Difference,
  type Json,
  type NamedTables,
  type RowNames,
  type RowRoles,
  type TrainableModel,
} from '@ferry/training';
import { asJson } from '../recipeYaml.ts';
import { isNews, isUserItem, type AnyModel } from './anyModel.ts';
import type { JobConsole } from './console.ts';
import { optionsOf, widthsBefore } from './recommender.ts';
import { runRecipe, wholeRun } from './runRecipe.ts';
import { tokensOfDomain } from './trainedEncoders.ts';
import { importedFile } from './whatIs.ts';

/** The file of a run that holds the ids of its tables' rows. */
export const namesFile = 'names.json';
/** The file of a run that says what it started from. */
export const startFile = 'start.json';

/** What a training starts from. */
export interface WarmStart {
  /** The run, as the recipe names it. */
  readonly run: string;
  /** Its best checkpoint. */
  readonly checkpoint: Checkpoint;
  /** Ids of its tables' rows. */
  readonly names: RowNames;
  /** Settings of the model in which the run differs, in words. */
  readonly settings: readonly string[];
}

/** The ids of the rows of a run's tables, by kind; undefined for a run that keeps none. */
export function readNames(run: string): RowNames | undefined {
  const file = join(run, namesFile);
  return existsSync(file) ? (readJson(file) as RowNames) : undefined;
}

/** Ids that a training with `warm` knows before it reads its data: of the run it starts from, or, resumed, its own. */
export function namesBefore(
  recipe: FinetuneRecipe | (TrainRecipe & { out: string }),
  start: WarmStart | undefined,
): RowNames {
  if (recipe.job !== 'train' || recipe.warm === undefined) return {};
  return start?.names ?? readNames(recipe.out) ?? {};
}

/** Settings of a trained encoder that change no weight and not what they mean. */
const free = new Set(['learningRate', 'layerDecay', 'warmup', 'recompute', 'microBatch', 'augment']);

const show = (value: Json | undefined): string => (value === undefined ? 'absent' : JSON.stringify(value));
const inWords = ({ path, left, right }: Difference): string => `${path} was ${show(left)}, is ${show(right)}`;

function rolesOf(model: AnyModel, recipe: FinetuneRecipe | TrainRecipe): RowRoles {
  if (isNews(model) || isUserItem(model)) return model.weights.rows;
  return rowRoles({ model, options: optionsOf(model, recipeParts(recipe, model), widthsBefore(recipe)) });
}

const place = (path: string): string => (existsSync(path) ? realpathSync(path) : resolve(path));

/**
 * What the training of a recipe starts from: the best weights of the run that `warm` names, checked as far as they can be
 * before any data are read. Undefined without `warm`, and where the training goes on: then the run is not needed.
 *
 * @param recipe - Whole, with the run directory in `out`.
 * @param model - The model it names.
 * @throws UserError naming the run for one that is not there, not finished, the same as `out`, of another job, model or
 *   features, or that keeps no ids of its rows; DamagedCheckpointError naming the file.
 */
export async function warmStart(
  recipe: FinetuneRecipe | (TrainRecipe & { out: string }),
  model: AnyModel,
  console: JobConsole,
): Promise<WarmStart | undefined> {
  if (recipe.job !== 'train' || recipe.warm === undefined) return undefined;
  const { warm: run, out } = recipe;
  const refuse = (why: string): UserError => new UserError(`warm: ${why}`);
  if (place(run) === place(out))
    throw refuse(`${run} must be another directory than that of the new run, got out=${out}`);
  if (listCheckpoints(checkpointsOf(out)).length > 0) return undefined;
  if (isUserItem(model) && model.kind === 'fitted')
    throw refuse(`${model.title} is fitted at once and starts from no weights: leave it out`);
  if (tokensOfDomain(recipe))
    throw refuse(
      'a text encoder from nothing knows the words of its own domain alone; one that is read from a folder ' +
        '(features.textEncoder.from) goes on elsewhere',
    );
  if (!existsSync(run)) throw refuse(`no such run: ${run}`);
  const { job, model: named } = runRecipe(run);
  if (job !== 'train') throw refuse(`${run} must be a run of ferry train, got one of ferry ${job}`);
  if (named.name !== recipe.model.name)
    throw refuse(`${run} must be of the same model (${recipe.model.name}), got ${named.name}`);
  if (existsSync(join(run, importedFile)))
    throw refuse(`${run} was imported, and its rows have no ids that a training could go by`);
  if (!readSummary(run)) throw refuse(`${run} is not finished: finish it first`);
  const before = await wholeRun(run, console);
  const [feature] = differences(asJson(before.features), asJson(recipe.features), 'features').filter(
    ({ path }) => !free.has(path.split('.')[2] ?? '') && path !== 'features.damagedPictures',
  );
  if (feature) throw refuse(`${run} must have read the same features, and ${inWords(feature)}`);
  const checkpoint = await openCheckpoint(run);
  const kinds = namedKinds(rolesOf(model, recipe), checkpoint.model.keys());
  const names = readNames(run);
  const missing = kinds.find((kind) => names?.[kind] === undefined);
  if (missing !== undefined)
    throw refuse(
      `${run} keeps no ids of its ${missing} (${namesFile}): it was made before runs did. ferry train ${run} writes ` +
        'them, without training again, where its data are still the same',
    );
  const settings = differences(asJson(before.model), asJson(recipe.model), 'model').map(inWords);
  return { run, checkpoint, names: names ?? {}, settings };
}

/**
 * Gives a fresh model the weights that it starts from, and says what was carried.
 *
 * @param tables - What the rows of its tables stand for.
 * @returns What {@link startFile} keeps.
 * @throws UserError naming the first weight that does not fit.
 */
export async function carryStart<B>(
  { run, checkpoint, names, settings }: WarmStart,
  model: Pick<TrainableModel<B>, 'parameters'>,
  tables: NamedTables,
  console: Pick<JobConsole, 'line'>,
): Promise<Json> {
  const { path, state, sha256 } = checkpoint;
  let carried;
  try {
    carried = await carryWeights(model, tables, { ...checkpoint, names });
  } catch (error) {
    const also = settings.length > 0 ? `; ${settings.join(', ')}` : '';
    throw new UserError(`warm: ${(error as Error).message}${also}`, { cause: error });
  }
  const number = (value: number): string => value.toLocaleString('en-US');
  console.line(`starts from ${path} (epoch ${state.epoch}, step ${state.step}); the optimiser begins anew`);
  for (const { kind, known, new: fresh } of carried)
    if (known + fresh > 0)
      console.line(
        `  of ${number(known + fresh)} ${kind} ${number(known)} known to ${run}, ${number(fresh)} new`,
      );
  for (const setting of settings) console.line(`  ${setting}`);
  return {
    ...{ warm: run, checkpoint: basename(path), epoch: state.epoch, step: state.step, sha256 },
    carried: Object.fromEntries(carried.map(({ kind, ...counts }) => [kind, counts])),
  };
}

/** What a run keeps of the rows of its tables: the ids of the kinds that have some. */
export function namesOf<B>(
  model: Pick<TrainableModel<B>, 'parameters'>,
  { roles, names }: NamedTables,
): RowNames {
  return Object.fromEntries(
    namedKinds(roles, model.parameters().keys()).map((kind) => [kind, names[kind] ?? []]),
  );
}
