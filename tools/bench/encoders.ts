// Seconds of a training step (forward, backward, AdamW on all weights) of encoders at realistic batches, in turns with
// PyTorch's eager step of the same model by transformers, medians: BERT-small on 64 texts of 30 tokens, ViT-tiny on 16
// pictures of 224 x 224. With one thread: seconds of the processor, which other programs change less.
//
//   npm run bench:encoders -- [--steps 8] [--sizes bert-small,vit-tiny] [--python python3] [--threads 2]
//
// With --memory: what is resident at most in three such steps beyond what was before the model was made, each side in a
// process of its own. With --frozen, instead of PyTorch: steps that train the last two layers, with what the frozen
// ones give computed in each step, and kept. With --weights: passes without gradients of weights held as float32,
// float16 and int8, in turns, and the bytes of what is packed; bert-base (16 texts of 30 tokens) is a size of it too.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { selectBackend } from '@ferry/engine';
import { clock, median } from './clock.ts';
import { encoderSizes as sizes } from './encoderSizes.ts';
import { encoderStep, type StepOptions } from './encoderStep.ts';
import { measureWeights } from './encoderWeights.ts';
import { DidNotRun, ownReading, twin } from './programs.ts';
import { resident } from './resident.ts';
import { inTurns, turnTwin } from './turns.ts';

const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '8' },
    sizes: { type: 'string', default: 'bert-small,vit-tiny' },
    python: { type: 'string', default: process.env['FERRY_PYTHON'] ?? 'python3' },
    threads: { type: 'string', default: '2' },
    memory: { type: 'boolean', default: false },
    own: { type: 'boolean', default: false },
    frozen: { type: 'boolean', default: false },
    weights: { type: 'boolean', default: false },
  },
});
const [steps, threads] = [Number(options.steps), Number(options.threads)];
const now = clock(threads === 1);
const script = 'encoders_bench.py';

/** Seconds of a step here: the median after two that warm up. */
async function secondsOf(name: string, given: StepOptions): Promise<number> {
  const side = await encoderStep(sizes[name]!, now, given);
  await side.run(2);
  const seconds = await side.run(steps);
  side.end();
  return median(seconds);
}

async function besidePyTorch(name: string): Promise<void> {
  const sides = [await encoderStep(sizes[name]!, now), await turnTwin(script, [name], options)];
  const [ours, theirs] = await inTurns(sides, steps);
  for (const side of sides) side.end();
  const own = median(ours as number[]);
  const beside =
    theirs instanceof DidNotRun
      ? String(theirs)
      : `${median(theirs!).toFixed(3)} s, ratio ${(own / median(theirs!)).toFixed(2)}`;
  console.log(`${name}: ${own.toFixed(3)} s a step, PyTorch ${beside}`);
}

async function frozenLayers(name: string): Promise<void> {
  const all = await secondsOf(name, {});
  const computed = await secondsOf(name, { tuning: { layers: 2 } });
  const kept = await secondsOf(name, { tuning: { layers: 2 }, kept: true });
  console.log(
    `${name}: ${all.toFixed(3)} s a step of all layers, ${computed.toFixed(3)} s of the last two, ` +
      `${kept.toFixed(3)} s with what is below them kept: ${(all / kept).toFixed(1)} and ` +
      `${(computed / kept).toFixed(1)} times as fast`,
  );
}

/** What was resident, in MiB. */
interface Residence {
  readonly before: number;
  readonly most: number;
}

async function ownResidence(name: string): Promise<Residence> {
  const before = resident('now');
  await (await encoderStep(sizes[name]!, now)).run(3);
  return { before, most: resident('at most') };
}

function residences(name: string): void {
  const self = ['--import', 'tsx', fileURLToPath(import.meta.url), '--memory', '--own', '--sizes', name];
  const ours = ownReading(process.execPath, [...self, '--threads', options.threads]) as Residence;
  const theirs = twin(script, ['--memory', name], options) as unknown as Residence | DidNotRun;
  const [own, other] = [ours, theirs].map((one) =>
    one instanceof DidNotRun
      ? String(one)
      : `${(one.most - one.before).toFixed(0)} MiB, and ${one.before.toFixed(0)} MiB before the model`,
  );
  console.log(`${name}: ${own!}; PyTorch ${other!}`);
}

await selectBackend('ort', { threads });
for (const name of options.sizes.split(',')) {
  if (options.own) console.log(JSON.stringify(await ownResidence(name)));
  else if (options.memory) residences(name);
  else if (options.weights) await measureWeights(name, steps, now);
  else if (options.frozen) await frozenLayers(name);
  else await besidePyTorch(name);
}
