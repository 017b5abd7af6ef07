import { optimizerOf, type PretrainRecipe } from '@ferry/recipes';
import { createTraining } from '@ferry/sequential';
import { readSummary, type Summary } from '@ferry/training';
import type { JobConsole } from './console.ts';
import { describeDomain, fingerprint, loadDomain, openForJob, type LoadedDomain } from './domain.ts';
import { checkPlace } from './place.ts';
import { modelOf, objectiveOf, readsWords, recommenderOf } from './recommender.ts';
import { train } from './train.ts';
import { encoderGroups } from './trainedEncoders.ts';

/**
 * Pre-trains on the sources of a recipe, together. A finished run is not trained again.
 *
 * @param recipe - Whole, with the run directory in `out`.
 * @param options - `loaded`: the sources, if they were read before.
 */
export async function runPretrain(
  recipe: PretrainRecipe & { out: string },
  console: JobConsole,
  { loaded, describe = true }: { loaded?: readonly LoadedDomain[]; describe?: boolean } = {},
): Promise<Summary> {
  const model = await modelOf(recipe, console);
  const sources = [...(loaded ?? [])];
  if (!loaded) {
    checkPlace(recipe.out, 'a run');
    const words = readsWords(model, recipe);
    const opened = [];
    for (const reference of recipe.sources)
      opened.push(await openForJob(reference, recipe, { words, rows: ['train'] }));
    for (const source of opened) sources.push(await loadDomain(source, recipe, console));
  }
  if (describe && !readSummary(recipe.out))
    for (const line of sources.flatMap(describeDomain)) console.line(line);
  const recommender = await recommenderOf(model, recipe, sources, console);
  const { batchSize, learningRate, epochs, keepEvery, checkpointEvery } = recipe.pretraining;
  const training = createTraining({
    recommender,
    objective: objectiveOf(recipe, recommender),
    train: sources.map(({ domain }) => domain.train),
    batchSize,
    ...optimizerOf(recipe.pretraining),
    ...encoderGroups(recipe, recommender.catalogue.encoders, { learningRate }),
  });
  try {
    return await train(recipe, model, training, console, {
      epochs,
      keepEvery: keepEvery ?? undefined,
      checkpointEvery,
      fingerprint: fingerprint(sources, model.positions(recommender.options)),
    });
  } finally {
    training.dispose();
    recommender.dispose();
  }
}
