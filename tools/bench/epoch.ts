/** Seconds of training epochs: here, and of PyTorch twins in tools/parity. */
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
import { DidNotRun, times } from './programs.ts';
import { inTurns, type Side, turnTwin } from './turns.ts';

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

/** Training steps here, and how many an epoch has. With one thread, seconds of the processor. */
function epochSide(
  domain: Domain,
  { model, settings, objective, objectiveSettings, batchSize, features = {} }: EpochCase,
  threads: number,
): Side & { count: number } {
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
  const batches = (function* () {
    for (let epoch = 0; ; epoch++)
      for (const batch of training.batches(epoch, random.split('order', epoch))) yield batch;
  })();
  let step = 0;
  return {
    count: training.batchCount(0),
    run: async (asked) => {
      const seconds: number[] = [];
      for (let i = 0; i < asked; i++) {
        const batch = batches.next().value;
        const start = now();
        await training.trainStep(batch, { epoch: 0, step: step++, random: random.split('step') });
        seconds.push((now() - start) / 1000);
      }
      return seconds;
    },
    end: () => {
      training.dispose();
      recommender.dispose();
    },
  };
}

/** An epoch here beside twins: steps of it, seconds, and each twin's as {@link times} shows them. */
export async function epochInTurns(
  domain: Domain,
  given: EpochCase,
  twins: { script: string; forms: readonly (readonly string[])[] },
  options: { python: string; threads: string; steps: string },
): Promise<{ count: number; seconds: number; twins: string[] }> {
  const own = epochSide(domain, given, Number(options.threads));
  const others = await Promise.all(twins.forms.map((form) => turnTwin(twins.script, form, options)));
  const sides = [own, ...others];
  const found = await inTurns(sides, Number(options.steps));
  for (const side of sides) side.end();
  const [seconds, ...theirs] = found.map((steps, s) =>
    steps instanceof DidNotRun ? steps : median(steps) * sides[s]!.count,
  );
  return {
    count: own.count,
    seconds: seconds as number,
    twins: theirs.map((other) => times(other, seconds as number)),
  };
}
