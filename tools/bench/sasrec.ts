// Seconds of a training epoch of SASRec (d 64 or --width, 2 layers, length 50, batch 256) on s3rec-beauty in each form
// of training, and of the full ranking of its 22,363 users, beside a PyTorch twin padded to 50 and one whose batches
// are grouped by length; all in one run, taking turns.
//
//   FERRY_DATA=<data> npm run bench:sasrec -- [--steps 12] [--forms bce,last,softmax,sampled] [--width 64] [--python
//   python3] [--threads 2]
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readDomain } from '@ferry/data';
import { selectBackend } from '@ferry/engine';
import { sasrec } from '@ferry/morec';
import { createCatalogue, createRanking, createRecommender, evaluateRecommender } from '@ferry/sequential';
import { clock } from './clock.ts';
import { epochInTurns } from './epoch.ts';
import { DidNotRun, times, twin } from './programs.ts';

const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '12' },
    forms: { type: 'string', default: 'bce,last,softmax,sampled' },
    width: { type: 'string', default: '64' },
    python: { type: 'string', default: process.env['FERRY_PYTHON'] ?? 'python3' },
    threads: { type: 'string', default: '2' },
  },
});
const threads = Number(options.threads);
const forms: Record<string, { objective: string; settings: object; twin: string }> = {
  bce: { objective: 'bce', settings: { targets: 'all' }, twin: 'positions-bce' },
  last: { objective: 'softmax', settings: { targets: 'last' }, twin: 'last-softmax' },
  softmax: { objective: 'softmax', settings: { targets: 'all' }, twin: 'positions-softmax' },
  sampled: { objective: 'sampled-softmax', settings: { targets: 'all' }, twin: 'positions-sampled' },
};
const file = join(process.env['FERRY_DATA'] ?? '../shared/data', 's3rec-beauty/Beauty.txt');
await selectBackend('ort', { threads });
const domain = await readDomain(file);
const items = domain.items.ids.length;
const width = Number(options.width);
const settings = sasrec.options.parse({ width, inner: 4 * width }) as object;
const modelOptions = sasrec.complete!(settings, { task: 'finetune', featureWidths: {} });

const twinArguments = ['--sequences', file, '--width', options.width];

console.log('| form    | steps | Ferry s an epoch | PyTorch padded | PyTorch grouped |');
console.log('| ------- | ----: | ---------------: | -------------: | --------------: |');
for (const form of options.forms.split(',')) {
  if (!forms[form]) throw new Error(`--forms must be of ${Object.keys(forms).join(', ')}, got ${form}`);
  const { objective, settings: objectiveSettings, twin: own } = forms[form];
  const { seconds, count, twins } = await epochInTurns(
    domain,
    { model: sasrec, settings, objective, objectiveSettings, batchSize: 256 },
    {
      script: 'sasrec_twin.py',
      forms: [[], ['--grouped']].map((more) => [...twinArguments, '--form', own, ...more]),
    },
    options,
  );
  console.log(`| ${form.padEnd(7)} | ${count} | ${seconds.toFixed(1)} | ${twins.join(' | ')} |`);
}

const catalogue = createCatalogue({ featureWidths: {} }, [{ items }]);
const recommender = createRecommender(sasrec, { options: modelOptions, catalogue, seed: 1 });
const ranking = createRanking(recommender);
const now = clock(threads === 1);
const seconds: number[] = [];
for (let i = 0; i < 3; i++) {
  const start = now();
  await evaluateRecommender(ranking, recommender, domain.test, { history: 'mask' });
  seconds.push((now() - start) / 1000);
}
const theirs = twin(
  'sasrec_twin.py',
  ['--speed', ...twinArguments, '--form', 'positions-bce', '--ranking'],
  options,
);
console.log(
  `full ranking of ${domain.test.targets.length} users over ${items} items: ` +
    `${seconds.map((t) => t.toFixed(2)).join(', ')} s (the first compiles); PyTorch ` +
    times(theirs instanceof DidNotRun ? theirs : theirs['rankingSeconds']!, Math.min(...seconds)),
);
ranking.dispose();
recommender.dispose();
