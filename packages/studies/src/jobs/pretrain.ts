import { createMissRec, pretraining } from '@ferry/missrec';
import type { PretrainRecipe } from '@ferry/recipes';
import { createTraining } from '@ferry/sequential';
import { readSummary, type Summary } from '@ferry/training';
import type { JobConsole } from './console.ts';
import {
  describeDomain,
  dropsWords,
  fingerprint,
  loadDomain,
  modelOptions,
  openForJob,
  type LoadedDomain,
  type OpenedDomain,
} from './model.ts';
import { checkPlace } from './place.ts';
import { train } from './train.ts';

/**
 * Pre-trains on the sources of a recipe, together. A finished run is not trained again.
 *
 * @param recipe - With the run directory in `out`.
 * @param options - `loaded`: the sources, if they were read before.
 */
export async function runPretrain(
  recipe: PretrainRecipe & { out: string },
  console: JobConsole,
  { loaded, describe = true }: { loaded?: readonly LoadedDomain[]; describe?: boolean } = {},
): Promise<Summary> {
  const sources = [...(loaded ?? [])];
  if (!loaded) {
    checkPlace(recipe.out);
    const opened: OpenedDomain[] = [];
    for (const reference of recipe.sources)
      opened.push(
        await openForJob(reference, recipe, { words: dropsWords(recipe.pretraining), rows: ['train'] }),
      );
    for (const source of opened) sources.push(await loadDomain(source, recipe, console));
  }
  if (describe && !readSummary(recipe.out))
    for (const line of sources.flatMap(describeDomain)) console.line(line);
  const model = createMissRec({
    options: modelOptions(recipe, sources[0]!.features),
    features: sources.map(({ features }) => features),
    seed: recipe.seed,
  });
  const { batchSize, learningRate, weightDecay, clipNorm, epochs, keepEvery, checkpointEvery } =
    recipe.pretraining;
  const training = createTraining({
    recommender: model,
    objective: pretraining(model.options),
    train: sources.map(({ domain }) => domain.train),
    batchSize,
    learningRate,
    weightDecay,
    ...(clipNorm !== null && { clipNorm }),
  });
  try {
    return await train(recipe, training, console, {
      epochs,
      keepEvery: keepEvery ?? undefined,
      checkpointEvery,
      fingerprint: fingerprint(sources, recipe.model.positions),
    });
  } finally {
    training.dispose();
    model.dispose();
  }
}
