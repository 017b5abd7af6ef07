// The loss over a catalogue of N items and its gradients, scores whole and in blocks of columns, calls interleaved in one run:
// wall-clock and processor milliseconds, the least of all calls. `blocksPay` of the engine is read off this table.
//
//   npm run bench:softmax -- [--items 4000,8000,12000,20000,50000] [--calls 5] [--threads 1]
import { parseArgs } from 'node:util';
import { blocksPay, compile, RandomStream, selectBackend, tf } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';
import { createMissRecModel, finetuneObjective, missRecOptions, trainableWeights } from '@ferry/missrec';

const { values: options } = parseArgs({
  options: {
    items: { type: 'string', default: '4000,8000,12000,20000,50000' },
    calls: { type: 'string', default: '5' },
    threads: { type: 'string', default: '1' },
  },
});
const [B, L, F] = [512, 8, 512];
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
  const model = createMissRecModel({
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
  const { parameters, catalogue } = model;
  const weights = [...trainableWeights(parameters, model.options, 'all').values()];
  const ids = (size: number): Int32Array =>
    Int32Array.from({ length: size }, () => 1 + random.integer(count));
  const groups = [{ history: tf.tensor2d(ids(B * L), [B, L], 'int32'), lengths: tf.fill([B], L, 'int32') }];
  const targets = tf.tensor1d(ids(B), 'int32');
  const { features, present } = catalogue.inputs;
  const step = (width: number | undefined) =>
    compile(() =>
      tf.variableGrads(
        () =>
          finetuneObjective(
            parameters,
            model.options,
            { items: { features, present }, groups, targets },
            undefined,
            width,
          ).loss,
        weights,
      ),
    );
  // Blocks of the default size: 2 MiB, at most 64.
  const sides = [0, Math.max(1024, Math.ceil(count / 64))].map((width) => ({
    call: step(width),
    wall: Infinity,
    processor: Infinity,
  }));
  for (let i = 0; i <= Number(options.calls); i++)
    for (const side of sides) {
      const [start, cpu] = [performance.now(), process.cpuUsage()];
      const { value, grads } = side.call();
      const { user, system } = process.cpuUsage(cpu);
      if (i > 0) {
        side.wall = Math.min(side.wall, performance.now() - start);
        side.processor = Math.min(side.processor, (user + system) / 1000);
      }
      tf.dispose([value, grads]);
    }
  const [whole, blocks] = sides as [(typeof sides)[0], (typeof sides)[0]];
  const cells = [whole.wall, blocks.wall, blocks.wall / whole.wall];
  const cpus = [whole.processor, blocks.processor, blocks.processor / whole.processor];
  const text = (numbers: number[]): string =>
    numbers.map((n, i) => (i < 2 ? n.toFixed(0) : n.toFixed(2))).join(' | ');
  console.log(
    `| ${count.toLocaleString('en')} | ${blocksPay(B, count + 1) ? 'blocks' : 'whole'} | ${text(cells)} | ${text(cpus)} |`,
  );
  for (const { call } of sides) call.dispose();
  tf.dispose([targets, ...groups.flatMap((group) => Object.values(group))]);
  model.dispose();
}
process.exit(0);
