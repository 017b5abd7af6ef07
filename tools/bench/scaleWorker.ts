// One process of tools/bench/scale.ts: trains MISSRec on a made-up catalogue, then ranks with it, and prints one line of
// JSON. Features and rows are noise, for what a step costs does not depend on their values.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RandomStream, selectBackend } from '@ferry/engine';
import { createMissRec, finetuning, missRecOptions } from '@ferry/missrec';
import { createRanking, createTraining, evaluateRecommender } from '@ferry/sequential';
import { clock, median } from './clock.ts';
import { noiseFeatures, noiseRows, storedNoise } from './noiseDomain.ts';
import { B, F, L, RANKED, type Figures, type Job } from './scaleJob.ts';

const job = JSON.parse(process.argv[2]!) as Job;
const now = clock(job.processor);
const random = RandomStream.fromSeed(2020);
await selectBackend('ort', { threads: job.threads });

const model = await build();
// The model has copied the features; what they came from is not a cost of training.
await new Promise((resolve) => setTimeout(resolve));
globalThis.gc!();
const figures: Figures = {};
if (job.steps > 0) await train();
if (job.rankings > 0) await rank();
console.log(JSON.stringify(figures));
process.exit(0);

async function train(): Promise<void> {
  const training = createTraining({
    recommender: model,
    objective: finetuning(model.options),
    train: noiseRows(random, B * (job.steps + 1), job.items, () => L),
    batchSize: B,
  });
  const times: number[] = [];
  let step = 0;
  for (const batch of training.batches(0, random.split('order'))) {
    const start = now();
    await training.trainStep(batch, { epoch: 0, step: step++, random: random.split('step') });
    times.push(now() - start);
  }
  figures.firstStepMs = times.shift()!;
  figures.stepMs = median(times);
  figures.trainingMiB = peakMiB();
  training.dispose();
}

async function rank(): Promise<void> {
  const ranking = createRanking(model);
  const users = noiseRows(random, RANKED, job.items, () => L);
  const times: number[] = [];
  // The first compiles and touches its memory for the first time.
  for (let i = 0; i <= job.rankings; i++) {
    const start = now();
    await evaluateRecommender(ranking, model, users);
    times.push(now() - start);
  }
  figures.firstRankingS = times.shift()! / 1000;
  figures.rankingS = median(times) / 1000;
  figures.peakMiB = peakMiB();
  ranking.dispose();
}

// In a function of its own: a module that awaits keeps what its expressions made.
async function build() {
  const options = missRecOptions({
    preset: 'paper',
    task: 'finetune',
    featureWidths: { text: F, image: F },
    interestMethod: 'none',
    ids: !job.stored,
  });
  return createMissRec({ options, features: job.stored ? await inFiles() : inMemory(), seed: 2020 });
}

function inMemory() {
  return { text: noiseFeatures('text', job.items, F), image: noiseFeatures('image', job.items, F) };
}

async function inFiles() {
  const folder = mkdtempSync(join(tmpdir(), 'ferry-scale-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true });
  });
  return {
    text: await storedNoise(folder, 'text', job.items, F),
    image: await storedNoise(folder, 'image', job.items, F),
  };
}

function peakMiB(): number {
  return process.resourceUsage().maxRSS / 1024;
}
