import { createFinetuning, createMissRecModel, transferWeights } from '@ferry/missrec';
import type { FinetuneRecipe } from '@ferry/recipes';
import { readSummary, type Summary } from '@ferry/training';
import { readDetails, writeDetails, type RunDetails } from '../details.ts';
import type { JobConsole } from './console.ts';
import { examine } from './examine.ts';
import { describeDomain, fingerprint, loadDomain, modelOptions, type LoadedDomain } from './model.ts';
import { train } from './train.ts';
import { startingWeights } from './weights.ts';

/** What {@link runFinetune} returns. */
export interface FinetuneResult {
  /** `summary.json`. */
  readonly summary: Summary;
  /** `details.json`. */
  readonly details: RunDetails;
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
): Promise<FinetuneResult> {
  const target = loaded ?? (await loadDomain(recipe.target, recipe, console));
  const { domain, features } = target;
  const fresh = !readSummary(recipe.out);
  if (describe && fresh) for (const line of describeDomain(target)) console.line(line);
  const model = createMissRecModel({ options: modelOptions(recipe, features), features, seed: recipe.seed });
  const { batchSize, learningRate, weightDecay, clipNorm, epochs, patience, tune, checkpointEvery } =
    recipe.finetuning;
  const evaluation = {
    batchSize: recipe.evaluation.batchSize,
    history: recipe.evaluation.history,
    k: recipe.evaluation.cutoffs,
  };
  const training = createFinetuning({
    model,
    train: domain.train,
    valid: domain.valid,
    test: domain.test,
    batchSize,
    learningRate,
    weightDecay,
    ...(clipNorm !== null && { clipNorm }),
    tuning: recipe.from !== null && tune === 'efficient' ? 'efficient' : 'all',
    evaluation,
  });
  try {
    if (recipe.from !== null && fresh) {
      const { path, tensors } = await startingWeights(recipe.from);
      const { fresh: kept } = transferWeights(model, tensors, path);
      if (describe) console.line(`from ${path}${kept.length > 0 ? `; fresh: ${kept.join(', ')}` : ''}`);
    }
    const summary = await train(recipe, training, console, {
      epochs,
      earlyStopping: { patience },
      checkpointEvery,
      fingerprint: fingerprint([target]),
    });
    const known = readDetails(recipe.out);
    if (known) return { summary, details: known };
    // Training leaves the best checkpoint's weights in the model.
    const details = await examine(training.ranking, model, domain, evaluation);
    writeDetails(recipe.out, details);
    return { summary, details };
  } finally {
    training.dispose();
    model.dispose();
  }
}
