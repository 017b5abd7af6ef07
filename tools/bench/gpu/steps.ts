/** What tools/bench/gpu/measure.ts times: steps at the sizes of real data, on noise, whose values cost the same. */
import { RandomStream } from '@ferry/engine';
import { missRec } from '@ferry/missrec';
import { sasrec } from '@ferry/morec';
import { createNewsTraining, nrms } from '@ferry/nrms';
import { createCatalogue, createRecommender, createTraining, type SequentialModel } from '@ferry/sequential';
import { encoderSizes } from '../encoderSizes.ts';
import { encoderStep } from '../encoderStep.ts';
import { noiseFeatures, noiseRows } from '../noiseDomain.ts';
import { impressionsOf, recommenderOf } from '../noiseNews.ts';
import { prepare, WORKLOADS, type Workload } from '../workloads.ts';

/** Steps one after another. */
export interface Steps {
  /** Does the next one; its result is read, so that it is over. */
  step: () => unknown;
  dispose: () => void;
}

/** Something to time. */
export interface Measured {
  readonly name: string;
  /** Arguments of tools/parity/engine_bench.py that do the same in PyTorch, if that has it. */
  readonly twin?: readonly string[];
  make(): Promise<Steps>;
}

/** What trains a model: a part of `ModelTraining`. */
interface Training<Batch> {
  batches(epoch: number, random: RandomStream): Iterable<Batch>;
  trainStep(batch: Batch, context: { epoch: number; step: number; random: RandomStream }): unknown;
  dispose(): void;
}

/** Its steps, one epoch after another. */
function trained<Batch>(
  training: Training<Batch>,
  recommender: { dispose(): void },
  random: RandomStream,
): Steps {
  const batches = (function* () {
    for (let epoch = 0; ; epoch++) yield* training.batches(epoch, random.split('order', epoch));
  })();
  let step = 0;
  return {
    step: () =>
      training.trainStep(batches.next().value, { epoch: 0, step: step++, random: random.split('step') }),
    dispose: () => {
      training.dispose();
      recommender.dispose();
    },
  };
}

function workload(name: string, scale: number): Measured {
  const found = WORKLOADS.find((one) => one.name === name)!;
  const own: Workload = { ...found, B: Math.max(2, Math.round(found.B * scale)) };
  return {
    name: `${name}, B = ${own.B}`,
    twin: [own.kind, ...[own.B, own.L, own.rate].map(String)],
    make: () => {
      const { step, dispose } = prepare(own);
      return Promise.resolve({ step, dispose });
    },
  };
}

/** Shares of the histories of Amazon Scientific's training rows that have 1, 2, ... items; a hundredth is longer. */
const lengthShares = [0.268, 0.268, 0.153, 0.092, 0.059, 0.041, 0.03, 0.022, 0.016, 0.012, 0.009, 0.007];

/** MISSRec as it is fine-tuned on `amazon-scientific-clip`: as many items, features as wide, histories as long. */
function missrecSteps(scale: number): Measured {
  const B = Math.max(2, Math.round(512 * scale));
  const [items, width] = [1585, 512];
  return {
    name: `MISSRec, histories of Amazon Scientific, B = ${B}`,
    make: async () => {
      const random = RandomStream.fromSeed(1);
      const featureWidths = { text: width, image: width };
      const noise = {
        text: noiseFeatures('text', items, width),
        image: noiseFeatures('image', items, width),
      };
      const catalogue = createCatalogue({ featureWidths }, [{ items, ...noise }]);
      const model = missRec as unknown as SequentialModel;
      const options = model.complete!(model.options.parse({}) as object, { task: 'finetune', featureWidths });
      const recommender = createRecommender(model, { options, catalogue, seed: 1 });
      await recommender.refresh(random.split('interests'));
      const objective = model.objectives['finetune']!;
      const lengths = lengthShares.flatMap((share, at) =>
        Array<number>(Math.round(share * 1000)).fill(at + 1),
      );
      const training = createTraining({
        recommender,
        objective: objective.create(objective.options.parse({}) as object, options),
        train: noiseRows(random, 10_928, items, () => lengths[random.integer(1000)] ?? 20),
        batchSize: B,
        learningRate: 1e-3,
      });
      return trained(training, recommender, random);
    },
  };
}

/** SASRec with a softmax over all items. */
function sasrecSteps(items: number, scale: number): Measured {
  const B = Math.max(2, Math.round(256 * scale));
  return {
    name: `SASRec, ${items.toLocaleString('en')} items, B = ${B}`,
    make: () => {
      const random = RandomStream.fromSeed(1);
      const catalogue = createCatalogue({ featureWidths: {} }, [{ items }]);
      const model: SequentialModel = sasrec;
      const settings = model.options.parse({}) as object;
      const options = model.complete?.(settings, { task: 'finetune', featureWidths: {} }) ?? settings;
      const recommender = createRecommender(model, { options, catalogue, seed: 1 });
      const objective = model.objectives['softmax']!;
      const training = createTraining({
        recommender,
        objective: objective.create(objective.options.parse({}) as object, options),
        train: noiseRows(random, 40 * B, items, () => 20),
        batchSize: B,
        learningRate: 1e-3,
      });
      return Promise.resolve(trained(training, recommender, random));
    },
  };
}

/** NRMS of the paper's sizes: titles of 30 words, histories of 50 clicks. */
function newsSteps(scale: number): Measured {
  const B = Math.max(2, Math.round(64 * scale));
  return {
    name: `NRMS, B = ${B}`,
    make: () => {
      const random = RandomStream.fromSeed(1);
      const recommender = recommenderOf(random, true);
      const [objective] = Object.values(nrms.objectives);
      const training = createNewsTraining({
        recommender,
        objective: objective!.create(objective!.options.parse({}) as object),
        train: impressionsOf(random, 40 * B, { full: true, shown: 20 }),
        batchSize: B,
        learningRate: 1e-4,
      });
      return Promise.resolve(trained(training, recommender, random));
    },
  };
}

const bert: Measured = {
  name: 'BERT-small, all weights',
  make: async () => {
    const side = await encoderStep(encoderSizes['bert-small']!, () => performance.now());
    return {
      step: () => side.run(1),
      dispose: () => {
        side.end();
      },
    };
  },
};

/** All of it; batches of `scale` times their size, for a device that only emulates one. */
export function measured(scale: number): readonly Measured[] {
  return [
    workload('missrec-L20-dropout', scale),
    workload('missrec-L50-dropout', scale),
    missrecSteps(scale),
    sasrecSteps(12_101, scale),
    sasrecSteps(100_000, scale),
    newsSteps(scale),
    bert,
    workload('ranking-top50', scale),
  ];
}
