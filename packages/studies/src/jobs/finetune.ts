import { createMissRec, finetuning } from '@ferry/missrec';
import type { FinetuneRecipe } from '@ferry/recipes';
import { transferWeights } from '@ferry/sequential';
import { checkpointsOf, listCheckpoints, type Summary } from '@ferry/training';
import type { JobConsole } from './console.ts';
import { interestSizesOf } from './examine.ts';
import {
  catalogueFeatures,
  describeDomain,
  loadDomain,
  modelOptions,
  openForJob,
  type LoadedDomain,
} from './model.ts';
import { checkPlace } from './place.ts';
import { startPath } from './studyRuns.ts';
import { finishedTarget, trainOnTarget, type TargetResult } from './target.ts';
import { checkStart, startingWeights } from './weights.ts';

/** {@link TargetResult} of a fine-tuning that is finished with these settings; undefined if there is work to be done. */
export function finishedFinetune(
  { out, finetuning: settings }: FinetuneRecipe & { out: string },
  summary: Summary | undefined,
): Promise<TargetResult | undefined> {
  return finishedTarget(out, settings, summary);
}

/**
 * Fine-tunes on the target of a recipe, or trains on it from scratch, and looks at the test closely. A finished run is
 * not trained again.
 *
 * @param recipe - With the run directory in `out`.
 * @param options - `loaded`: the domain, if it was read before.
 */
export async function runFinetune(
  recipe: FinetuneRecipe & { out: string },
  console: JobConsole,
  { loaded, describe = true }: { loaded?: LoadedDomain; describe?: boolean } = {},
): Promise<TargetResult> {
  if (!loaded) checkPlace(recipe.out);
  const fresh = listCheckpoints(checkpointsOf(recipe.out)).length === 0;
  const { from } = recipe;
  // Seconds before minutes: what can be missing is found missing before anything is encoded.
  if (fresh && from !== null) checkStart(startPath(from, recipe.out));
  const target =
    loaded ??
    (await loadDomain(
      await openForJob(recipe.target, recipe, { rows: ['train', 'valid'] }),
      recipe,
      console,
    ));
  const { features } = target;
  if (describe && fresh) for (const line of describeDomain(target)) console.line(line);
  const model = createMissRec({
    options: modelOptions(recipe, features),
    features: catalogueFeatures(target),
    seed: recipe.seed,
  });
  return trainOnTarget(
    {
      recipe,
      settings: recipe.finetuning,
      target,
      recommender: model,
      objective: finetuning(model.options),
      tuning: from !== null && recipe.finetuning.tune === 'efficient' ? 'efficient' : 'all',
      start: async () => {
        if (from === null || !fresh) return;
        const { path, tensors } = await startingWeights(startPath(from, recipe.out));
        const { fresh: kept } = transferWeights(model, tensors, path);
        if (describe) console.line(`from ${path}${kept.length > 0 ? `; fresh: ${kept.join(', ')}` : ''}`);
      },
      interests: () => interestSizesOf(model),
    },
    console,
  );
}
