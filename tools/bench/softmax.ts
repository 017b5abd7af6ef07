// The loss over a catalogue of N items and its gradients (or, with --ranking, the ranking of 4,096 users), scores whole
// and in blocks of columns, calls interleaved in one run: wall-clock and processor milliseconds, the least of all
// calls. `blocksPay` of the engine is read off this table.
//
//   npm run bench:softmax -- [--ranking] [--items 4000,8000,12000,20000,50000] [--calls 5] [--threads 1]
import { parseArgs } from 'node:util';
import { blocksPay, compile, RandomStream, selectBackend, tf } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';
import { createMissRec, finetuneObjective, missRecOptions, type MissRecTypes } from '@ferry/missrec';
import { createRanking, evaluateRecommender, type Recommender, trainedWeights } from '@ferry/sequential';

const { values: options } = parseArgs({
  options: {
    items: { type: 'string', default: '4000,8000,12000,20000,50000' },
    calls: { type: 'string', default: '5' },
    threads: { type: 'string', default: '1' },
    ranking: { type: 'boolean', default: false },
  },
});
const [B, L, F] = [options.ranking ? 256 : 512, 8, 512];
const USERS = 4096;
const random = RandomStream.fromSeed(2020);
await selectBackend('ort', { threads: Number(options.threads) });

function noise(modality: Modality, count: number): FeatureMatrix {
  const values = random.split(modality);
  const data = Float32Array.from({ length: count * F }, () => values.uniform() - 0.5);
  return { modality, encoder: 'noise', count, width: F, data, present: new Uint8Array(count).fill(1) };
}

console.log(
  '| items | taken | whole ms | blocks ms | blocks / whole | whole CPU ms | blocks CPU ms | blocks / whole |',
);
console.log('| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |');
for (const count of options.items.split(',').map(Number)) {
  const model = createMissRec({
    options: missRecOptions({
      preset: 'paper',
      task: 'finetune',
      featureWidths: { text: F, image: F },
      ids: true,
      interestMethod: 'none',
    }),
    features: { text: noise('text', count), image: noise('image', count) },
    seed: 2020,
  });
  const ids = (size: number): Int32Array =>
    Int32Array.from({ length: size }, () => 1 + random.integer(count));
  const work = options.ranking ? rankings(model, ids) : losses(model, ids);
  const sides = work.sides.map((call) => ({ call, wall: Infinity, processor: Infinity }));
  for (let i = 0; i <= Number(options.calls); i++)
    for (const side of sides) {
      const [start, cpu] = [performance.now(), process.cpuUsage()];
      await side.call();
      const { user, system } = process.cpuUsage(cpu);
      if (i === 0) continue;
      side.wall = Math.min(side.wall, performance.now() - start);
      side.processor = Math.min(side.processor, (user + system) / 1000);
    }
  const [whole, blocks] = sides as [(typeof sides)[0], (typeof sides)[0]];
  const cells = [whole.wall, blocks.wall, blocks.wall / whole.wall];
  const cpus = [whole.processor, blocks.processor, blocks.processor / whole.processor];
  const text = (numbers: number[]): string =>
    numbers.map((n, i) => (i < 2 ? n.toFixed(0) : n.toFixed(2))).join(' | ');
  console.log(
    `| ${count.toLocaleString('en')} | ` +
      `${blocksPay(options.ranking ? 'ranking' : 'softmax', B, count + 1) ? 'blocks' : 'whole'} | ${text(cells)} | ` +
      `${text(cpus)} |`,
  );
  work.dispose();
  model.dispose();
}
process.exit(0);

interface Work {
  /** Whole, and in blocks. */
  sides: (() => Promise<void>)[];
  dispose: () => void;
}

function losses(recommender: Recommender<MissRecTypes>, ids: (size: number) => Int32Array): Work {
  const { parameters, options: settings, catalogue } = recommender;
  const weights = [...trainedWeights(recommender, 'all').values()];
  const groups = [{ history: tf.tensor2d(ids(B * L), [B, L], 'int32'), lengths: tf.fill([B], L, 'int32') }];
  const targets = tf.tensor1d(ids(B), 'int32');
  const { features, present } = catalogue.inputs;
  const inputs = { items: { features, present }, feed: { groups }, targets };
  // Blocks of the default size: 2 MiB, at most 64.
  const steps = [0, Math.max(1024, Math.ceil(catalogue.items / 64))].map((width) =>
    compile(() =>
      tf.variableGrads(() => finetuneObjective(parameters, settings, inputs, undefined, width).loss, weights),
    ),
  );
  return {
    sides: steps.map((step) => () => {
      const { value, grads } = step();
      tf.dispose([value, grads]);
      return Promise.resolve();
    }),
    dispose: () => {
      for (const step of steps) step.dispose();
      tf.dispose([targets, ...groups.flatMap((group) => Object.values(group))]);
    },
  };
}

function rankings(model: Recommender<MissRecTypes>, ids: (size: number) => Int32Array): Work {
  const ranking = createRanking(model);
  const places = (by: number): Int32Array => Int32Array.from({ length: USERS }, (_, u) => (u + by) * L);
  const rows = {
    users: Int32Array.from({ length: USERS }, (_, u) => u),
    items: ids(USERS * L),
    starts: places(0),
    ends: places(1),
    targets: ids(USERS),
  };
  return {
    sides: [false, true].map((inBlocks) => async () => {
      await evaluateRecommender(ranking, model, rows, { inBlocks });
    }),
    dispose: () => {
      ranking.dispose();
    },
  };
}
