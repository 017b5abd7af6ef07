/** Seconds of training epochs: here, and of a PyTorch twin in tools/parity. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Domain } from '@ferry/data';
import { RandomStream } from '@ferry/engine';
import {
  createCatalogue,
  createRecommender,
  createTraining,
  type DomainFeatures,
  type SequentialModel,
} from '@ferry/sequential';
import { clock, median } from './clock.ts';

/** What is trained, and how. */
export interface EpochCase {
  /** The model and its settings. */
  model: SequentialModel;
  settings: object;
  /** Its objective and that one's settings. */
  objective: string;
  objectiveSettings: object;
  batchSize: number;
  /** Features of the items, where the model reads some. */
  features?: DomainFeatures;
}

/**
 * Seconds of an epoch here, scaled from the median of some steps after two that warm up; with one thread, of the
 * processor.
 */
export async function epochHere(
  domain: Domain,
  { model, settings, objective, objectiveSettings, batchSize, features = {} }: EpochCase,
  { steps, threads }: { steps: number; threads: number },
): Promise<{ seconds: number; count: number }> {
  const featureWidths = { ...(features.text && { text: features.text.width }) };
  const parsed = model.options.parse(settings) as object;
  const options = model.complete?.(parsed, { task: 'finetune', featureWidths }) ?? parsed;
  const definition = model.objectives[objective]!;
  const catalogue = createCatalogue({ featureWidths }, [
    { ...features, items: domain.items.ids.length, users: domain.users.length },
  ]);
  const recommender = createRecommender(model, { options, catalogue, seed: 1 });
  const training = createTraining({
    recommender,
    objective: definition.create(definition.options.parse(objectiveSettings) as object, options),
    train: domain.train,
    batchSize,
    learningRate: 1e-3,
  });
  const random = RandomStream.fromSeed(1);
  const now = clock(threads === 1);
  const times: number[] = [];
  let step = 0;
  for (const batch of training.batches(0, random.split('order'))) {
    const start = now();
    await training.trainStep(batch, { epoch: 0, step: step++, random: random.split('step') });
    times.push((now() - start) / 1000);
    if (step === steps + 2) break;
  }
  const count = training.batchCount(0);
  training.dispose();
  recommender.dispose();
  return { seconds: median(times.slice(2)) * count, count };
}

/** What a run of a twin prints; undefined if it did not run. */
export function twin(
  script: string,
  args: readonly string[],
  { python, threads }: { python: string; threads: string },
): Record<string, number> | undefined {
  const { stdout } = spawnSync(
    python,
    [fileURLToPath(new URL(`../parity/${script}`, import.meta.url)), '--speed', ...args],
    { encoding: 'utf8', env: { ...process.env, OMP_NUM_THREADS: threads } },
  );
  const lines = ((stdout as string | null) ?? '').split('\n').filter((line) => line.startsWith('{'));
  return lines.length === 0
    ? undefined
    : (Object.assign({}, ...lines.map((line) => JSON.parse(line) as object)) as Record<string, number>);
}

/** A twin's seconds and how many times ours they are. */
export function times(seconds: number | undefined, own: number): string {
  return seconds === undefined ? 'did not run' : `${seconds.toFixed(1)} (${(seconds / own).toFixed(2)}x)`;
}
