// Whether resident memory stays where it is: MISSRec (`paper`, IDs, interests) trains and ranks on a made-up catalogue,
// epoch after epoch, histories of 1 to 50 items in an order of its own each time, so that shapes come and go. Prints a
// line a minute, and at the end what was resident against what was after the first minutes. Fails if it is over 5 %
// more.
//
//   npm run bench:memory -- [--minutes 15] [--from 5] [--items 3000] [--threads 1]
import { parseArgs } from 'node:util';
import { RandomStream, selectBackend } from '@ferry/engine';
import { createMissRec, finetuning, missRecOptions } from '@ferry/missrec';
import { createRanking, createTraining, evaluateRecommender } from '@ferry/sequential';
import { noiseFeatures, noiseRows } from './noiseDomain.ts';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '15' },
    from: { type: 'string', default: '5' },
    items: { type: 'string', default: '3000' },
    threads: { type: 'string', default: '1' },
  },
});
const [minutes, from, items] = [Number(options.minutes), Number(options.from), Number(options.items)];
if (!(minutes > from && from > 0))
  throw new RangeError(`bench:memory: --minutes must be more than --from, got ${minutes} and ${from}`);
/** Width of the features. */
const F = 128;
const random = RandomStream.fromSeed(2020);
await selectBackend('ort', { threads: Number(options.threads) });
const model = createMissRec({
  options: missRecOptions({ preset: 'paper', task: 'finetune', featureWidths: { text: F, image: F } }),
  features: { text: noiseFeatures('text', items, F), image: noiseFeatures('image', items, F) },
  seed: 2020,
});
// Most histories are short.
const length = (): number => Math.ceil(50 * random.uniform() ** 4) || 1;
const train = noiseRows(random, 4000, items, length);
const valid = noiseRows(random, 1500, items, length);
const training = createTraining({ recommender: model, objective: finetuning(model.options), train, valid });
const ranking = createRanking(model);

const MiB = 2 ** 20;
const began = performance.now();
const elapsed = (): number => (performance.now() - began) / 60_000;
let [step, rankings, minute] = [0, 0, 0];
let early: number | undefined;
console.log('| minute | steps | rankings | resident MiB | arrays MiB | heap MiB |');
console.log('| -----: | ----: | -------: | -----------: | ---------: | -------: |');
for (let epoch = 0; elapsed() < minutes; epoch++) {
  await training.beforeEpoch?.(epoch, random.split('interests', epoch));
  for (const batch of training.batches(epoch, random.split('order', epoch)))
    await training.trainStep(batch, { epoch, step: step++, random: random.split('step') });
  await evaluateRecommender(ranking, model, valid);
  rankings++;
  if (elapsed() < minute + 1) continue;
  minute = Math.floor(elapsed());
  report();
  if (minute >= from) early ??= process.memoryUsage.rss();
}
report();
const resident = process.memoryUsage.rss();
const growth = early === undefined ? NaN : resident / early - 1;
console.log(
  `after ${elapsed().toFixed(1)} minutes, ${step} steps and ${rankings} rankings: ${(100 * growth).toFixed(1)} % ` +
    `more than after ${from} minutes`,
);
process.exit(growth <= 0.05 ? 0 : 1);

function report(): void {
  const { rss, arrayBuffers, heapUsed } = process.memoryUsage();
  const cells = [minute, step, rankings, ...[rss, arrayBuffers, heapUsed].map((x) => Math.round(x / MiB))];
  console.log(`| ${cells.join(' | ')} |`);
}
