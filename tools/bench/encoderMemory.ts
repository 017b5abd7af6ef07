// Resident memory of a training step of BERT-base (110 M weights, AdamW on all of them) inside SASRec, one way of
// computing it after the other, each in a process of its own: all items of a step together, layers computed again for
// the gradient, items in parts, and both. Prints the most that was resident, seconds of the processor of the last step,
// and the losses, which are the same.
//
//   npm run bench:encoder-memory -- [--items 128] [--length 30] [--part 16] [--steps 2] [--threads 2] [--ways plain,both]
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createEncoder, encoderTower } from '@ferry/encoders';
import { RandomStream, selectBackend } from '@ferry/engine';
import { sasrec } from '@ferry/morec';
import {
  createCatalogue,
  createRecommender,
  createTraining,
  type ModelTypes,
  type SequentialModel,
} from '@ferry/sequential';
import { clock } from './clock.ts';
import { noiseRows } from './noiseDomain.ts';
import { resident } from './resident.ts';

const { values: options } = parseArgs({
  options: {
    items: { type: 'string', default: '128' },
    length: { type: 'string', default: '30' },
    part: { type: 'string', default: '16' },
    steps: { type: 'string', default: '2' },
    threads: { type: 'string', default: '2' },
    ways: { type: 'string', default: 'plain,recompute,parts,both' },
    way: { type: 'string' },
  },
});

/** How the encoder is computed. */
const ways: Readonly<Record<string, { recompute?: number; microBatch?: number }>> = {
  plain: {},
  recompute: { recompute: 1 },
  parts: { microBatch: Number(options.part) },
  both: { recompute: 1, microBatch: Number(options.part) },
};

/** Trains some steps one way and prints a line. */
async function measure(way: string): Promise<void> {
  await selectBackend('ort', { threads: Number(options.threads), log: () => undefined });
  const random = RandomStream.fromSeed(1);
  const [items, length] = [Number(options.items), Number(options.length)];
  const config = { model_type: 'bert', hidden_dropout_prob: 0, attention_probs_dropout_prob: 0 };
  const encoder = createEncoder(config, random.split('encoder'), { pooling: 'cls' });
  const tower = encoderTower(encoder, ways[way]!, random);
  const ids = Int32Array.from({ length: items * length }, () => 1000 + random.integer(29_000));
  const content = await tower.content({
    ids: { shape: [items, length], data: ids },
    mask: { shape: [items, length], data: new Float32Array(items * length).fill(1) },
  });
  const catalogue = createCatalogue(
    { featureWidths: {} },
    [
      {
        items,
        content: Object.fromEntries(Object.entries(content).map(([name, table]) => [`text.${name}`, table])),
        present: { text: new Uint8Array(items).fill(1) },
      },
    ],
    { text: tower },
  );
  const model = sasrec as unknown as SequentialModel;
  const given = model.options.parse({
    width: 64,
    dropout: 0,
    tower: { ids: false, features: true },
  }) as object;
  const complete =
    model.complete?.(given, { featureWidths: { text: tower.width }, task: 'finetune' }) ?? given;
  const recommender = createRecommender<ModelTypes>(model, { options: complete, catalogue, seed: 1 });
  const definition = model.objectives['softmax']!;
  const training = createTraining({
    recommender,
    objective: definition.create(definition.options.parse({}) as object, complete),
    train: noiseRows(random, 64, items, () => 8),
    batchSize: 64,
    learningRate: 1e-5,
    weightDecay: 0.01,
  });
  const now = clock(true);
  const losses: string[] = [];
  let seconds = 0;
  for (let step = 0; step < Number(options.steps); step++)
    for (const batch of training.batches(step, random.split('batches', step))) {
      const began = now();
      const { loss } = await training.trainStep(batch, { step, epoch: step, random: random.split('steps') });
      seconds = (now() - began) / 1000;
      losses.push(loss.toFixed(5));
    }
  const most = `${(resident('at most') / 1024).toFixed(2)} GiB at most`;
  console.log(`${way}: ${most}, ${seconds.toFixed(1)} s a step, loss ${losses.join(', ')}`);
}

if (options.way !== undefined) await measure(options.way);
else
  for (const way of options.ways.split(',')) {
    const own = [fileURLToPath(import.meta.url), ...process.argv.slice(2), '--way', way];
    spawnSync(process.execPath, ['--import', 'tsx', ...own], { stdio: 'inherit' });
  }
