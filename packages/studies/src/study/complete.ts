import {
  checkRecipe,
  madeFrom,
  parseRecipe,
  problemsOf,
  RecipeError,
  schemaOf,
  type ModelRegistry,
  type Path,
  type Problem,
  type RecipeDocument,
  type RunRecipe,
} from '@ferry/recipes';
import type { AnyModel } from '../jobs/anyModel.ts';
import { recipeYaml } from '../recipeYaml.ts';
import { samePlace, type Axis } from './axes.ts';
import type { Placed, Planned, PlacedStudy, PlannedRun, StudyDefinition, StudyPlan } from './plan.ts';

/** A study that can be run: every recipe checked, every default filled in. */
export interface ReadyStudy {
  /** Its recipe. */
  readonly recipe: PlacedStudy;
  /** Its plan. */
  readonly plan: StudyPlan;
}

type Found = Problem & { at: number };
type Recipes = Planned & { recipe: RunRecipe & Placed };

const samePath = (path: Path): Path => path;

/** Runs that would do the same thing: what a study varies must make a difference. */
function twins(axes: readonly Axis[], runs: readonly PlannedRun[], document: RecipeDocument): Found[] {
  const known = new Map<string, PlannedRun>();
  return runs.flatMap((run): Found[] => {
    const key = JSON.stringify(sorted({ ...run.recipe, out: undefined }));
    const before = known.get(key);
    known.set(key, before ?? run);
    const axis = before && axes.find((one) => before.place[one.key] !== run.place[one.key]);
    const path = axis?.written?.(run.place[axis.key]!);
    if (
      !before ||
      !axis ||
      !path ||
      !samePlace(
        before.place,
        run.place,
        axes.filter((one) => one !== axis),
      )
    )
      return [];
    const title = axis.values.find(({ value }) => value === before.place[axis.key])!.title;
    const where = document.locate(path);
    const message = `${path.join('.')} must differ from the ${axis.title}s before it, got the ${axis.title} of ${title}`;
    return [{ where, message, at: document.order(path) }];
  });
}

/** The same settings with their keys in order. */
function sorted(settings: unknown): unknown {
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) return settings;
  return Object.fromEntries(
    Object.entries(settings)
      .map(([key, value]) => [key, sorted(value)] as const)
      .sort(([x], [y]) => (x < y ? -1 : 1)),
  );
}

/** Checks and completes planned runs by the models that their recipes name. */
async function complete<P extends Recipes>(
  planned: readonly P[],
  models: ModelRegistry,
  document: RecipeDocument,
  problems: Found[],
): Promise<P[]> {
  const whole: P[] = [];
  for (const run of planned) {
    const own = madeFrom(document, run.recipe, run.written ?? samePath);
    try {
      const schema = await schemaOf(own, models);
      const found = problemsOf(own, schema);
      problems.push(...found);
      if (found.length === 0) whole.push({ ...run, recipe: checkRecipe(own, schema) as RunRecipe & Placed });
    } catch (error) {
      if (!(error instanceof RecipeError)) throw error;
      problems.push(...error.problems.map((problem) => ({ ...problem, at: 0 })));
    }
  }
  return whole;
}

/**
 * Plans a study and checks every run of it by its model and its objective.
 *
 * @param recipe - Checked by the study's schema, with its directory in `out`.
 * @param name - Of the recipe.
 * @param models - The models there are.
 * @param document - The recipe as it was written, for messages. Default: the recipe as it would be saved.
 * @throws RecipeError with every problem, told where the study's recipe says it.
 */
export async function readyStudy(
  recipe: PlacedStudy,
  name: string,
  definition: StudyDefinition,
  models: ModelRegistry<AnyModel>,
  document: RecipeDocument = parseRecipe(recipeYaml({ ...recipe, out: undefined }), name),
): Promise<ReadyStudy> {
  const filled = (await definition.fill?.(recipe, models)) ?? recipe;
  const plan = definition.plan(filled, name);
  const problems: Found[] = [];
  const preparations = await complete(plan.preparations, models, document, problems);
  const runs = await complete(plan.runs, models, document, problems);
  if (problems.length === 0) problems.push(...twins(plan.axes, runs, document));
  if (problems.length > 0) {
    // Many runs have the same setting.
    const told = new Map(problems.map((problem) => [`${problem.where} ${problem.message}`, problem]));
    throw new RecipeError(
      document.file,
      [...told.values()].sort((x, y) => x.at - y.at),
    );
  }
  return { recipe: filled, plan: { ...plan, preparations, runs } };
}
