// Seconds of a training epoch of MISSRec on amazon-scientific-clip at the paper's setting (B = 512, dropout .5, all rows),
// against the PyTorch twin, which pads every history to the longest as the reference does; and seconds of the full
// ranking of amazon-scientific-full (8,442 users over 4,385 items).
//
//   FERRY_DATA=<data> npm run bench:missrec -- [--preset paper] [--epochs 4] [--threads 2] [--processor] [--python python3]
//
// --processor counts seconds of the processor, not of the clock: with --threads 1, what a machine that others use can tell.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readDomain } from '@ferry/data';
import { RandomStream, selectBackend } from '@ferry/engine';
import { loadFeatures, type FeatureMatrix, type Modality } from '@ferry/features';
import { createMissRec, finetuning, missRecOptions, type Preset } from '@ferry/missrec';
import { createRanking, createTraining, evaluateRecommender } from '@ferry/sequential';
import { clock } from './clock.ts';
import { DidNotRun, twin } from './programs.ts';

const { values: options } = parseArgs({
  options: {
    preset: { type: 'string', default: 'paper' },
    epochs: { type: 'string', default: '4' },
    threads: { type: 'string', default: '2' },
    processor: { type: 'boolean', default: false },
    python: { type: 'string', default: process.env['FERRY_PYTHON'] ?? 'python3' },
  },
});
const root = process.env['FERRY_DATA'] ?? '../shared/data';
const data = join(root, 'amazon-scientific-clip');
const random = RandomStream.fromSeed(2020);
await selectBackend('ort', { threads: Number(options.threads) });
const domain = await readDomain(data);
const text = await loadFeatures(domain, 'text');
const image = await loadFeatures(domain, 'image');
const model = createMissRec({
  options: missRecOptions({
    preset: options.preset as Preset,
    task: 'finetune',
    featureWidths: { text: text.width, image: image.width },
  }),
  features: { text, image },
  seed: 2020,
});
const training = createTraining({
  recommender: model,
  objective: finetuning(model.options),
  train: domain.train,
  valid: domain.valid,
});

const now = clock(options.processor);
const seconds = async (work: () => unknown): Promise<number> => {
  const start = now();
  await work();
  return (now() - start) / 1000;
};
const rows = domain.train.targets.length;
let best = Infinity;
let step = 0;
console.log(`| epoch | training s | sequences/s | interests s | validation s |`);
console.log(`| ----- | ---------: | ----------: | ----------: | -----------: |`);
for (let epoch = 1; epoch <= Number(options.epochs); epoch++) {
  const interests = await seconds(() => training.beforeEpoch?.(epoch - 1, random.split('interests', epoch)));
  const steps = await seconds(async () => {
    for (const batch of training.batches(epoch - 1, random.split('order', epoch)))
      await training.trainStep(batch, { epoch: epoch - 1, step: step++, random: random.split('step') });
  });
  const validation = await seconds(() => training.evaluate?.('valid'));
  best = Math.min(best, interests + steps);
  console.log(
    `| ${epoch} | ${steps.toFixed(2)} | ${Math.round(rows / steps)} | ${interests.toFixed(2)} | ${validation.toFixed(2)} |`,
  );
}

training.dispose();
model.dispose();
await benchRanking();

const theirs = twin('missrec_twin.py', ['--train', '--data', data, '--steps', '4', '--epochs', '2'], options);
console.log(
  theirs instanceof DidNotRun
    ? `PyTorch twin ${String(theirs)}`
    : `PyTorch twin: ${theirs['secondsPerEpoch']!.toFixed(1)} s an epoch (scaled from 4 steps), ` +
        `${(theirs['secondsPerEpoch']! / best).toFixed(1)} times the best epoch here`,
);

/** The domain has no features; what a ranking costs does not depend on their values. */
function noise(modality: Modality, count: number): FeatureMatrix {
  const values = random.split('noise').split(modality);
  const data = Float32Array.from({ length: count * 512 }, () => values.uniform() - 0.5);
  return { modality, encoder: 'noise', count, width: 512, data, present: new Uint8Array(count).fill(1) };
}

async function benchRanking(): Promise<void> {
  const full = await readDomain(join(root, 'amazon-scientific-full'));
  const count = full.items.ids.length;
  const untrained = createMissRec({
    options: missRecOptions({
      preset: options.preset as Preset,
      task: 'finetune',
      featureWidths: { text: 512, image: 512 },
    }),
    features: { text: noise('text', count), image: noise('image', count) },
    seed: 2020,
  });
  await untrained.refresh(random.split('full'));
  const ranking = createRanking(untrained);
  const times: number[] = [];
  for (let i = 0; i < 3; i++)
    times.push(await seconds(() => evaluateRecommender(ranking, untrained, full.test)));
  console.log(
    `full ranking of ${full.test.targets.length} users over ${count} items: ` +
      `${times.map((t) => t.toFixed(2)).join(', ')} s (the first compiles)`,
  );
  ranking.dispose();
  untrained.dispose();
}
