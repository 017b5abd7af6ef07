import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError, type ModelRegistry, type ModelSchemas, type RunRecipe } from '@ferry/recipes';
import { checkpointsOf, differences, listCheckpoints, readSummary, type JsonObject } from '@ferry/training';
import { parse } from 'yaml';
import { savedRecipe } from '../jobs/savedRecipe.ts';
import { mayDiffer } from '../jobs/train.ts';
import { asJson } from '../recipeYaml.ts';
import type { Placed, PlacedStudy, StudyPlan } from './plan.ts';

const shown = (value: unknown): string => JSON.stringify(value ?? null);

/** Where the recipe that a run directory holds says something else than the planned one. */
function differencesOf(planned: RunRecipe & Placed, model: ModelSchemas): string[] {
  const file = join(planned.out, 'recipe.yaml');
  if (!existsSync(file)) return [];
  const saved = parse(readFileSync(file, 'utf8')) as JsonObject;
  return differences(savedRecipe(saved, planned, model), asJson(planned))
    .filter(({ path }) => !mayDiffer.includes(path))
    .map(({ path, left, right }) => `${path} was ${shown(left)}, is ${shown(right)}`);
}

/** A preparation that would be trained further although runs have begun from what it was. */
function stalePreparations({ preparations, runs }: StudyPlan): string[] {
  return preparations.flatMap(({ name, recipe }) => {
    const summary = readSummary(recipe.out);
    const epochs = recipe.pretraining.epochs;
    const begun = runs.find(
      (run) => run.needs === name && listCheckpoints(checkpointsOf(run.recipe.out)).length > 0,
    );
    return summary && summary.epochs < epochs && begun
      ? [
          `pretraining.epochs was ${summary.epochs}, is ${epochs}, and ${begun.name} began from what ${name} was`,
        ]
      : [];
  });
}

/**
 * Refuses a directory whose runs were made by other settings, before any work is done. Runs may lie elsewhere than they
 * were made, and may be given more epochs.
 */
export async function refuseOthers(
  recipe: PlacedStudy,
  plan: StudyPlan,
  models: ModelRegistry,
): Promise<void> {
  const problems = new Set<string>();
  for (const planned of [...plan.preparations, ...plan.runs]) {
    const model = await models.load(planned.recipe.model.name!);
    for (const problem of differencesOf(planned.recipe, model)) problems.add(problem);
  }
  for (const problem of stalePreparations(plan)) problems.add(problem);
  if (problems.size > 0)
    throw new UserError(
      `${recipe.out} holds runs of another recipe: ${[...problems].join('; ')}. Choose another directory with --out`,
    );
}
