// Seconds of a training step (forward, backward, AdamW on all weights) of encoders at realistic batches, beside
// PyTorch's eager step of the same model by transformers, in one run: BERT-small on 64 texts of 30 tokens, ViT-tiny on
// 16 pictures of 224 x 224.
//
//   npm run bench:encoders -- [--steps 8] [--sizes bert-small,vit-tiny] [--python python3] [--threads 2] [--processor]
//
// With --processor and one thread: seconds of the processor, which other programs change less. With --frozen, instead
// of PyTorch: steps that train the last two layers, with what the frozen ones give computed in each step, and kept. With
// --weights: passes without gradients of weights held as float32, float16 and int8, in turns, and the bytes of what is
// packed; bert-base (16 texts of 30 tokens) is a size of it too.
import { parseArgs } from 'node:util';
import { createEncoder, encoderTower, type ItemContent, type Tuning } from '@ferry/encoders';
import { compile, RandomStream, selectBackend, tf } from '@ferry/engine';
import { createOptimizer, flattenParameters } from '@ferry/nn';
import { clock, median } from './clock.ts';
import { encoderSizes as sizes, type EncoderSize } from './encoderSizes.ts';
import { DidNotRun, parityScript, printed } from './programs.ts';
import { measureWeights } from './encoderWeights.ts';

const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '8' },
    sizes: { type: 'string', default: 'bert-small,vit-tiny' },
    python: { type: 'string', default: process.env['FERRY_PYTHON'] ?? 'python3' },
    threads: { type: 'string', default: '2' },
    processor: { type: 'boolean', default: false },
    frozen: { type: 'boolean', default: false },
    weights: { type: 'boolean', default: false },
  },
});
const steps = Number(options.steps);
const now = clock(options.processor);

/** Seconds of a step here: the median after two that warm up. */
async function measure(
  { config, inputs }: EncoderSize,
  tuning: Tuning = 'all',
  kept = false,
): Promise<number> {
  const random = RandomStream.fromSeed(1);
  const encoder = createEncoder(config, random, { pooling: 'cls' });
  const tower = encoderTower(encoder, { tuning }, random);
  const all = flattenParameters(tower.parameters);
  const trained = new Map(tower.trained.map((name) => [name, all.get(name)!]));
  const optimizer = createOptimizer({ kind: 'adamw', learningRate: 1e-5, weightDecay: 0.01 }, trained);
  const step = compile((given: Record<string, tf.Tensor>) => {
    const loss = (): tf.Scalar => tf.mean(tf.square(tower.vectors(tower.parameters, given)));
    const { value, grads } = tf.variableGrads(loss, [...trained.values()]);
    optimizer.apply(grads);
    return value;
  });
  let given = inputs();
  if (kept) {
    const items = Object.entries(given).map(([name, one]) => [
      name,
      { shape: one.shape, data: one.dataSync() },
    ]);
    const content = await tower.content(Object.fromEntries(items) as ItemContent);
    tf.dispose(given);
    given = Object.fromEntries(
      Object.entries(content).map(([name, one]) => {
        if (!('data' in one)) throw new Error(`${name} must be in memory`);
        const type = one.data instanceof Int32Array ? 'int32' : 'float32';
        return [name, tf.tensor(one.data, [...one.shape], type)];
      }),
    );
  }
  const times: number[] = [];
  for (let i = 0; i < steps + 2; i++) {
    const start = now();
    optimizer.advance(i);
    const loss = step(given);
    loss.dataSync();
    loss.dispose();
    times.push((now() - start) / 1000);
  }
  step.dispose();
  optimizer.dispose();
  encoder.dispose();
  tf.dispose(given);
  return median(times.slice(2));
}

await selectBackend('ort', { threads: Number(options.threads) });
const script = parityScript('encoders_bench.py');
for (const name of options.sizes.split(',')) {
  if (options.weights) {
    await measureWeights(name, steps, now);
    continue;
  }
  const ours = await measure(sizes[name]!);
  if (options.frozen) {
    const [computed, kept] = [
      await measure(sizes[name]!, { layers: 2 }),
      await measure(sizes[name]!, { layers: 2 }, true),
    ];
    console.log(
      `${name}: ${ours.toFixed(3)} s a step of all layers, ${computed.toFixed(3)} s of the last two, ` +
        `${kept.toFixed(3)} s with what is below them kept: ${(ours / kept).toFixed(1)} and ` +
        `${(computed / kept).toFixed(1)} times as fast`,
    );
    continue;
  }
  const given = [script, name, options.threads, String(steps), ...(options.processor ? ['processor'] : [])];
  const theirs = printed(options.python, given);
  const beside =
    theirs instanceof DidNotRun
      ? String(theirs)
      : `${Number(theirs).toFixed(3)} s, ratio ${(ours / Number(theirs)).toFixed(2)}`;
  console.log(`${name}: ${ours.toFixed(3)} s a step, PyTorch ${beside}`);
}
