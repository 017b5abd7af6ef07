// Seconds of a training epoch of SASRec (d 64 or --width, 2 layers, length 50, batch 256) on s3rec-beauty in each form
// of training, and of the full ranking of its 22,363 users, beside a PyTorch twin padded to 50 and one whose batches
// are grouped by length; all in one run.
//
//   FERRY_DATA=<data> npm run bench:sasrec -- [--steps 12] [--forms bce,last,softmax,sampled] [--width 64] [--python
//   python3] [--threads 2]
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readDomain } from '@ferry/data';
import { RandomStream, selectBackend } from '@ferry/engine';
import { sasrec } from '@ferry/morec';
import {
  createCatalogue,
  createRanking,
  createRecommender,
  createTraining,
  evaluateRecommender,
} from '@ferry/sequential';
import { median } from './clock.ts';

const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '12' },
    forms: { type: 'string', default: 'bce,last,softmax,sampled' },
    width: { type: 'string', default: '64' },
    python: { type: 'string', default: process.env['FERRY_PYTHON'] ?? 'python3' },
    threads: { type: 'string', default: '2' },
  },
});
const steps = Number(options.steps);
const forms: Record<string, { objective: string; settings: object; twin: string }> = {
  bce: { objective: 'bce', settings: { targets: 'all' }, twin: 'positions-bce' },
  last: { objective: 'softmax', settings: { targets: 'last' }, twin: 'last-softmax' },
  softmax: { objective: 'softmax', settings: { targets: 'all' }, twin: 'positions-softmax' },
  sampled: { objective: 'sampled-softmax', settings: { targets: 'all' }, twin: 'positions-sampled' },
};
const file = join(process.env['FERRY_DATA'] ?? '../shared/data', 's3rec-beauty/Beauty.txt');
await selectBackend('ort', { threads: Number(options.threads) });
const domain = await readDomain(file);
const items = domain.items.ids.length;
const width = Number(options.width);
const settings = sasrec.options.parse({ width, inner: 4 * width }) as object;
const modelOptions = sasrec.complete!(settings, { task: 'finetune', featureWidths: {} });

/** Seconds of an epoch here, scaled from the median of some steps after two that warm up. */
async function epoch(form: keyof typeof forms): Promise<{ seconds: number; count: number }> {
  const { objective, settings } = forms[form]!;
  const definition = sasrec.objectives[objective]!;
  const catalogue = createCatalogue({ featureWidths: {} }, [{ items }]);
  const recommender = createRecommender(sasrec, { options: modelOptions, catalogue, seed: 1 });
  const training = createTraining({
    recommender,
    objective: definition.create(definition.options.parse(settings) as object, modelOptions),
    train: domain.train,
    batchSize: 256,
    learningRate: 1e-3,
  });
  const random = RandomStream.fromSeed(1);
  const times: number[] = [];
  let step = 0;
  for (const batch of training.batches(0, random.split('order'))) {
    const start = performance.now();
    await training.trainStep(batch, { epoch: 0, step: step++, random: random.split('step') });
    times.push((performance.now() - start) / 1000);
    if (step === steps + 2) break;
  }
  const count = training.batchCount(0);
  training.dispose();
  recommender.dispose();
  return { seconds: median(times.slice(2)) * count, count };
}

/** What a run of the twin prints. */
function twin(...more: string[]): Record<string, number> | undefined {
  const { stdout } = spawnSync(
    options.python,
    [
      fileURLToPath(new URL('../parity/sasrec_twin.py', import.meta.url)),
      ...['--speed', '--sequences', file, '--steps', options.steps, '--width', options.width, ...more],
    ],
    { encoding: 'utf8', env: { ...process.env, OMP_NUM_THREADS: options.threads } },
  );
  const lines = ((stdout as string | null) ?? '').split('\n').filter((line) => line.startsWith('{'));
  return lines.length === 0
    ? undefined
    : (Object.assign({}, ...lines.map((line) => JSON.parse(line) as object)) as Record<string, number>);
}

const shown = (seconds: number | undefined, own: number): string =>
  seconds === undefined ? 'did not run' : `${seconds.toFixed(1)} (${(seconds / own).toFixed(2)}x)`;

console.log('| form    | steps | Ferry s an epoch | PyTorch padded | PyTorch grouped |');
console.log('| ------- | ----: | ---------------: | -------------: | --------------: |');
for (const form of options.forms.split(',')) {
  if (!forms[form]) throw new Error(`--forms must be of ${Object.keys(forms).join(', ')}, got ${form}`);
  const { seconds, count } = await epoch(form);
  const padded = twin('--form', forms[form].twin)?.['secondsPerEpoch'];
  const grouped = twin('--form', forms[form].twin, '--grouped')?.['secondsPerEpoch'];
  console.log(
    `| ${form.padEnd(7)} | ${count} | ${seconds.toFixed(1)} | ${shown(padded, seconds)} | ${shown(grouped, seconds)} |`,
  );
}

const catalogue = createCatalogue({ featureWidths: {} }, [{ items }]);
const recommender = createRecommender(sasrec, { options: modelOptions, catalogue, seed: 1 });
const ranking = createRanking(recommender);
const times: number[] = [];
for (let i = 0; i < 3; i++) {
  const start = performance.now();
  await evaluateRecommender(ranking, recommender, domain.test, { history: 'mask' });
  times.push((performance.now() - start) / 1000);
}
const own = Math.min(...times);
const theirs = twin('--form', 'positions-bce', '--ranking')?.['rankingSeconds'];
console.log(
  `full ranking of ${domain.test.targets.length} users over ${items} items: ` +
    `${times.map((t) => t.toFixed(2)).join(', ')} s (the first compiles); PyTorch ${shown(theirs, own)}`,
);
ranking.dispose();
recommender.dispose();
