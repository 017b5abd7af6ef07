// How cost grows with the catalogue: a training step, the ranking of 4,096 users and peak memory of MISSRec (`paper`, B
// = 512, histories of 8, IDs, no interests) by the number of items, and the same of a PyTorch twin with its own
// settings and with glibc told to keep freed memory. Each side and size is a process of its own; they take turns.
//
//   npm run bench:scale -- [--items 5000,20000,50000,100000] [--steps 3] [--rankings 1] [--threads 2] [--python python3]
//                          [--sides ferry,pytorch,pytorch-kept] [--apart] [--stored] [--processor]
//
// --python names a Python that has PyTorch (FERRY_PYTHON by default); without one only Ferry is measured. --apart ranks
// in a process of its own, so that its peak is the ranking's. --stored ranks alone, and Ferry alone: features lie in files
// as float16 and are read by blocks, items have no IDs. A size that does not fit into memory is a line that says so.
// --processor counts time of the processor, not of the clock: with --threads 1, what a machine that others use can tell.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { threadsOf, whyEnded } from './programs.ts';
import type { Figures, Job } from './scaleJob.ts';

const { values: options } = parseArgs({
  options: {
    items: { type: 'string', default: '5000,20000,50000,100000' },
    steps: { type: 'string', default: '3' },
    rankings: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    python: { type: 'string', default: process.env['FERRY_PYTHON'] ?? 'python3' },
    sides: { type: 'string', default: 'ferry,pytorch,pytorch-kept' },
    apart: { type: 'boolean', default: false },
    stored: { type: 'boolean', default: false },
    processor: { type: 'boolean', default: false },
  },
});
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** What Ferry does for itself; PyTorch only gets it from whoever starts it. */
const KEPT = {
  MALLOC_TOP_PAD_: '67108864',
  MALLOC_MMAP_THRESHOLD_: '1073741824',
  MALLOC_TRIM_THRESHOLD_: '4294967296',
};
const worker = [process.execPath, '--expose-gc', '--import', 'tsx', here('scaleWorker.ts')];
const twin = [options.python, here('../parity/scale_bench.py')];
const SIDES: Record<string, { command: string[]; environment: Record<string, string> }> = {
  ferry: { command: worker, environment: {} },
  'ferry-unkept': { command: worker, environment: { FERRY_MALLOC: 'off' } },
  pytorch: { command: twin, environment: {} },
  'pytorch-kept': { command: twin, environment: KEPT },
};

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`bench:scale: --${name} must be a positive integer, got '${text}'`);
  return value;
}
const sizes = options.items.split(',').map((size) => positive('items', size));
const steps = positive('steps', options.steps);
const rankings = positive('rankings', options.rankings);
const threads = positive('threads', options.threads);
const { processor, stored } = options;
const asked = stored ? ['ferry'] : options.sides.split(',');
for (const side of asked)
  if (!SIDES[side])
    throw new Error(`bench:scale: --sides must be of ${Object.keys(SIDES).join(', ')}, got '${side}'`);

const hasTorch = spawnSync(options.python, ['-c', 'import torch']).status === 0;
if (!hasTorch && asked.some((side) => side.startsWith('pytorch')))
  console.log(`PyTorch: not in '${options.python}' (--python), so there is nothing to compare with`);
const sides = asked.filter((side) => hasTorch || !side.startsWith('pytorch'));

function run(side: string, job: Job): Figures | string {
  const { command, environment } = SIDES[side]!;
  const args = [...command.slice(1), JSON.stringify(job)];
  const ended = spawnSync(command[0]!, args, {
    encoding: 'utf8',
    env: {
      ...process.env,
      ...environment,
      ...threadsOf(options.threads),
    },
  });
  const line = ended.stdout.split('\n').find((text) => text.startsWith('{'));
  return line === undefined ? String(whyEnded(ended)) : (JSON.parse(line) as Figures);
}

function measure(side: string, items: number): Figures | string {
  const job = { items, threads, processor, stored };
  if (stored) return run(side, { ...job, steps: 0, rankings });
  if (!options.apart) return run(side, { ...job, steps, rankings });
  const training = run(side, { ...job, steps, rankings: 0 });
  if (typeof training === 'string') return training;
  const ranking = run(side, { ...job, steps: 0, rankings });
  return typeof ranking === 'string' ? ranking : { ...training, ...ranking };
}

/** Growth of a figure from the size before: 1 is in proportion to the items. */
function slope(now: number, before: number, items: number, itemsBefore: number): string {
  return (Math.log(now / before) / Math.log(items / itemsBefore)).toFixed(2);
}

console.log(
  '| items | side | first step ms | step ms | slope | ranking s | slope | MiB, training | MiB, all |\n' +
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
);
const last = new Map<string, { items: number; figures: Figures }>();
for (const items of sizes) {
  for (const side of sides) {
    const figures = measure(side, items);
    if (typeof figures === 'string') {
      console.log(`| ${items} | ${side} | ${figures} |`);
      continue;
    }
    const before = last.get(side);
    last.set(side, { items, figures });
    const { firstStepMs, stepMs, rankingS, trainingMiB, peakMiB } = figures;
    const growth = (now: number, then: number | undefined): string =>
      before && then !== undefined ? slope(now, then, items, before.items) : '';
    const cells = [
      ...[items, side, firstStepMs?.toFixed(0), stepMs?.toFixed(0)],
      stepMs === undefined ? '' : growth(stepMs, before?.figures.stepMs),
      ...[rankingS!.toFixed(2), growth(rankingS!, before?.figures.rankingS)],
      ...[trainingMiB?.toFixed(0), peakMiB!.toFixed(0)],
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
