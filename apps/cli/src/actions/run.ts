// What train, pretrain, finetune and study load when they are run.
import { wholeRecipe, type RecipeFile } from '@ferry/recipes';
import { recipeYaml, runJob } from '@ferry/studies';
import type { VerbConsole } from '../console.ts';
import { models } from '../models.ts';
import { openStudy } from '../studies.ts';

export { addModels } from '../models.ts';

/** A recipe that can be run. */
type Ready = Parameters<typeof runJob>[0];

/**
 * Checks a recipe by the models and the kind of study that it names.
 *
 * @param out - Where its run is made, unless it says.
 * @throws RecipeError with every problem.
 */
export async function ready({ document, name }: RecipeFile, out: string): Promise<Ready> {
  if ((document.value as { job?: unknown }).job === 'study') return openStudy(document, name, out);
  const recipe = await wholeRecipe(document, models);
  return { ...recipe, out: recipe.out ?? out };
}

/** A recipe with every default filled in, as YAML. */
export function readyYaml(recipe: Ready): string {
  return recipeYaml('plan' in recipe ? recipe.recipe : recipe);
}

/** Does what a recipe says. */
export function run(recipe: Ready, name: string, console: VerbConsole): Promise<void> {
  return runJob(recipe, name, { ...console, models });
}
