// A training step of user-item models beside the PyTorch twins of tools/parity/collaborative_twin.py, in one run:
// BPR-MF and VBPR (2,816 features) on Amazon Office, LightGCN (3 layers) on Gowalla; and what drawing an epoch's
// triples takes of it. The sides take turns, and the ratio is the median of the twin's seconds over that of ours. With
// one thread (the default) both count time of the processor, which a busy machine can tell. With --ranking: the metrics
// of every user of Gowalla instead, and the memory of the whole process.
//
//   FERRY_DATA=<data> npm run bench:collaborative -- [--models bpr-mf,vbpr,lightgcn] [--steps 12] [--python python3]
//   [--threads 1] [--ranking]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  bprMf,
  createUserItemRecommender,
  createUserItemTraining,
  interactionsOf,
  itemsOf,
  lightGcn,
  type Interactions,
  type UserItemModel,
  vbpr,
} from '@ferry/collaborative';
import { readDomain } from '@ferry/data';
import { RandomStream, selectBackend } from '@ferry/engine';
import { clock, median } from './clock.ts';
import { DidNotRun, times } from './programs.ts';
import { inTurns, turnTwin, type Side } from './turns.ts';

const { values: options } = parseArgs({
  options: {
    models: { type: 'string', default: 'bpr-mf,vbpr,lightgcn' },
    steps: { type: 'string', default: '12' },
    python: { type: 'string', default: process.env['FERRY_PYTHON'] ?? 'python3' },
    threads: { type: 'string', default: '1' },
    ranking: { type: 'boolean', default: false },
  },
});
const [steps, threads] = [Number(options.steps), Number(options.threads)];
const root = process.env['FERRY_DATA'] ?? '../shared/data';

/** Features of a width alone: what they hold does not change the time. */
function randomFeatures(count: number, width: number) {
  const random = RandomStream.fromSeed(1);
  const data = Float32Array.from({ length: count * width }, () => random.uniform() - 0.5);
  return {
    modality: 'image' as const,
    encoder: 'random',
    count,
    width,
    data,
    present: new Uint8Array(count).fill(1),
  };
}

const cases: readonly {
  model: UserItemModel;
  folder: string;
  batchSize: number;
  width?: number;
  forms: string[][];
}[] = [
  { model: bprMf, folder: 'amazon-office-vbpr', batchSize: 1024, forms: [[]] },
  { model: vbpr, folder: 'amazon-office-vbpr', batchSize: 1024, width: 2816, forms: [[]] },
  {
    model: lightGcn,
    folder: 'gowalla',
    batchSize: 2048,
    forms: [
      ['--form', 'csr'],
      ['--form', 'coo'],
    ],
  },
];

/** Training steps here, and the seconds of drawing an epoch's triples. */
function here(
  model: UserItemModel,
  interactions: Interactions,
  domain: Awaited<ReturnType<typeof readDomain>>,
  { batchSize, width }: { batchSize: number; width?: number },
): Side & { sampling: number; count: number } {
  const features = width === undefined ? {} : { image: randomFeatures(interactions.items, width) };
  const settings = model.options.parse({}) as object;
  const recommender = createUserItemRecommender(model, {
    options: settings,
    data: { interactions, features },
    seed: 1,
  });
  const training = createUserItemTraining({ recommender, domain, batchSize, learningRate: 1e-3 });
  const random = RandomStream.fromSeed(1);
  const now = clock(threads === 1);
  const drawn = (epoch: number) => training.batches(epoch, random.split('batches', epoch))[Symbol.iterator]();
  // An epoch's triples are drawn before its first batch; the median of some epochs after three that warm up.
  const drawing = Array.from({ length: 8 }, (_, epoch) => {
    const start = now();
    drawn(epoch).next();
    return (now() - start) / 1000;
  });
  let [epoch, step, batches] = [0, 0, drawn(0)];
  return {
    sampling: median(drawing.slice(3)),
    count: training.batchCount(0),
    run: async (asked) => {
      const seconds: number[] = [];
      while (seconds.length < asked) {
        const next = batches.next();
        const batch = next.done ? undefined : next.value;
        // The last batch of an epoch may be smaller.
        if (batch?.users.length !== batchSize) {
          batches = drawn(++epoch);
          continue;
        }
        const begun = now();
        await training.trainStep(batch, { epoch, step: step++, random: random.split('steps') });
        seconds.push((now() - begun) / 1000);
      }
      return seconds;
    },
    end: () => {
      training.dispose();
      recommender.dispose();
    },
  };
}

/** Ranks all users of a domain for its test with an untrained LightGCN, and measures the lists. */
async function ranking(folder: string): Promise<void> {
  const domain = await readDomain(join(root, folder));
  const count = domain.items.ids.length;
  const recommender = createUserItemRecommender(lightGcn, {
    options: lightGcn.options.parse({}) as object,
    data: { interactions: interactionsOf(domain.training, count), features: {} },
    seed: 1,
  });
  const training = createUserItemTraining({ recommender, domain, evaluation: { k: [20] } });
  const now = clock(threads === 1);
  const start = now();
  const { users, metrics } = await training.rank('test');
  const seconds = (now() - start) / 1000;
  const memory = process.resourceUsage().maxRSS / 1024;
  console.log(
    `${folder}: ${users.length} users over ${count} items, ${Object.keys(metrics).length} metrics: ` +
      `${seconds.toFixed(1)} s, peak ${memory.toFixed(0)} MiB`,
  );
  training.dispose();
  recommender.dispose();
}

await selectBackend('ort', { threads });
if (options.ranking) {
  await ranking('gowalla');
  process.exit();
}
console.log('| model | data | B | ms a step | sampling | PyTorch ms | COO |');
console.log('| ----- | ---- | -: | -------: | -------: | ---------: | --: |');
const temporary = mkdtempSync(join(tmpdir(), 'ferry-bench-'));
try {
  for (const { model, folder, forms, ...sizes } of cases) {
    if (!options.models.split(',').includes(model.name)) continue;
    const domain = await readDomain(join(root, folder));
    const interactions = interactionsOf(domain.training, domain.items.ids.length);
    const file = join(temporary, `${folder}.txt`);
    const lines = Array.from({ length: interactions.users }, (_, user) =>
      [user, ...itemsOf(interactions, user)].join(' '),
    );
    writeFileSync(file, `${lines.filter((line) => line.includes(' ')).join('\n')}\n`);
    const own = here(model, interactions, domain, sizes);
    const twins = await Promise.all(
      forms.map((form) =>
        turnTwin(
          'collaborative_twin.py',
          [model.name, '--train', file, '--batch', String(sizes.batchSize), ...form],
          options,
        ),
      ),
    );
    const sides = [own, ...twins];
    const [step, ...others] = (await inTurns(sides, steps)).map((seconds) =>
      seconds instanceof DidNotRun ? seconds : 1000 * median(seconds),
    ) as [number, ...(number | DidNotRun)[]];
    for (const side of sides) side.end();
    const theirs = others.map((milliseconds) => times(milliseconds, step));
    const { sampling, count } = own;
    const share = `${((100 * sampling) / (sampling + (step / 1000) * count)).toFixed(1)} %`;
    const cells = [model.name, folder, sizes.batchSize, step.toFixed(1), share, theirs[0], theirs[1] ?? ''];
    console.log(`| ${cells.join(' | ')} |`);
  }
} finally {
  rmSync(temporary, { recursive: true });
}
