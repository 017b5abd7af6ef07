// Seconds of a training epoch of each model on s3rec-beauty beside a PyTorch twin of tools/parity with the same sizes
// and batches, in one run; the ratio is the twin's seconds over ours. Where a twin has two forms, the second pads less.
// With one thread (the default) both count time of the processor, which a busy machine can tell.
//
//   FERRY_DATA=<data> npm run bench:baselines -- [--models dssm,gru4rec] [--steps 12] [--python python3] [--threads 1]
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readDomain } from '@ferry/data';
import { RandomStream, selectBackend } from '@ferry/engine';
import { bert4rec, dssm, gru4rec, sasrec, unisrec } from '@ferry/morec';
import { type EpochCase, epochInTurns } from './epoch.ts';

const { values: options } = parseArgs({
  options: {
    models: { type: 'string' },
    steps: { type: 'string', default: '12' },
    python: { type: 'string', default: process.env['FERRY_PYTHON'] ?? 'python3' },
    threads: { type: 'string', default: '1' },
  },
});

/** A row: what is trained here, and the twin's script and arguments, one list a form. */
interface Row extends Omit<EpochCase, 'settings' | 'objectiveSettings'> {
  settings?: object;
  objectiveSettings?: object;
  script: string;
  forms: readonly (readonly string[])[];
}
/** Features of a width alone: what they hold does not change the time. */
const randomFeatures = (count: number, width: number) => {
  const random = RandomStream.fromSeed(1);
  return {
    modality: 'text' as const,
    encoder: 'random',
    ...{ count, width },
    data: Float32Array.from({ length: count * width }, () => random.normal()),
    present: new Uint8Array(count).fill(1),
  };
};
const rows: readonly Row[] = [
  {
    model: sasrec,
    objective: 'bce',
    batchSize: 256,
    script: 'sasrec_twin.py',
    forms: [
      ['--form', 'positions-bce'],
      ['--form', 'positions-bce', '--grouped'],
    ],
  },
  {
    model: dssm,
    objective: 'in-batch',
    batchSize: 1024,
    script: 'dssm_twin.py',
    forms: [['--form', 'in-batch']],
  },
  { model: dssm, objective: 'bce', batchSize: 1024, script: 'dssm_twin.py', forms: [['--form', 'bce']] },
  ...(['softmax', 'bpr-max'] as const).map((objective) => ({
    model: gru4rec,
    objective,
    batchSize: 256,
    script: 'gru4rec_twin.py',
    forms: [
      ['--form', objective],
      ['--form', objective, '--packed'],
    ],
  })),
  {
    model: unisrec,
    settings: { ids: false },
    objective: 'softmax',
    batchSize: 512,
    features: { text: randomFeatures(12_101, 512) },
    script: 'unisrec_twin.py',
    forms: [[], ['--grouped']],
  },
  {
    model: bert4rec,
    objective: 'masked',
    objectiveSettings: { lastShare: 0 },
    batchSize: 256,
    script: 'bert4rec_twin.py',
    forms: [[], ['--grouped']],
  },
];

const file = join(process.env['FERRY_DATA'] ?? '../shared/data', 's3rec-beauty/Beauty.txt');
await selectBackend('ort', { threads: Number(options.threads) });
const domain = await readDomain(file);
const wanted = options.models?.split(',');
console.log('| model | objective | B | steps | Ferry s an epoch | PyTorch | PyTorch, less padding |');
console.log('| ----- | --------- | -: | ----: | ---------------: | ------: | --------------------: |');
for (const { script, forms, settings = {}, objectiveSettings = {}, ...row } of rows) {
  if (wanted && !wanted.includes(row.model.name)) continue;
  const { seconds, count, twins } = await epochInTurns(
    domain,
    { ...row, settings, objectiveSettings },
    {
      script,
      forms: forms.map((form) => ['--sequences', file, '--batch', String(row.batchSize), ...form]),
    },
    options,
  );
  const cells = [
    row.model.name,
    row.objective,
    row.batchSize,
    count,
    seconds.toFixed(1),
    twins[0],
    twins[1] ?? '',
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
