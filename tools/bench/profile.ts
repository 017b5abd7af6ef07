// Where the time of a step goes, by ONNX Runtime's own profile: milliseconds of each ONNX operator in a step, its
// share, and what the checks of indices cost: the two operations that read them without their sign, so that a negative
// one is beyond every range.
//
//   npm run bench:profile -- [--workload missrec-L20] [--steps 5] [--threads 2]
//
// A workload is one of those of bench:engine, or a size of bench:encoders (bert-small, vit-tiny).
//
// Operators run one after the other, each on all threads. Kernels on the host (Adam, masks, large segment sums) are not
// among them.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { selectBackend } from '@ferry/engine';
import { median } from './clock.ts';
import { encoderSizes } from './encoderSizes.ts';
import { encoderStep } from './encoderStep.ts';
import { prepare, WORKLOADS } from './workloads.ts';

/** An event of ONNX Runtime's profile; one of a node tells its operator. */
interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args?: {
    readonly op_name?: string;
    readonly input_type_shape?: Readonly<Record<string, unknown>>[];
    readonly output_type_shape?: Readonly<Record<string, unknown>>[];
  };
}

const { values: options } = parseArgs({
  options: {
    workload: { type: 'string', default: 'missrec-L20' },
    steps: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
  },
});
const size = encoderSizes[options.workload];
const workload = WORKLOADS.find(({ name }) => name === options.workload);
if (!workload && !size) {
  const known = [...WORKLOADS.map(({ name }) => name), ...Object.keys(encoderSizes)];
  throw new Error(`no workload '${options.workload}', have ${known.join(', ')}`);
}

/** A step of the workload. */
async function prepared(): Promise<{ step: () => unknown; dispose: () => void }> {
  if (workload) return prepare(workload);
  const side = await encoderStep(size!, () => performance.now());
  return {
    step: () => side.run(1),
    dispose: () => {
      side.end();
    },
  };
}

const steps = Number(options.steps);
const folder = mkdtempSync(join(tmpdir(), 'ferry-profile-'));
const wall: number[] = [];
let events: ProfileEvent[] = [];
try {
  await selectBackend('ort', { threads: Number(options.threads), profile: join(folder, 'profile') });
  const { step, dispose } = await prepared();
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    await step();
    wall.push(performance.now() - start);
  }
  // Profiles are written when their sessions end.
  dispose();
  events = readdirSync(folder).flatMap(
    (file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as ProfileEvent[],
  );
} finally {
  rmSync(folder, { recursive: true });
}

/** Whether a node belongs to a check: the bits of int64 indices without their sign, and the cast from int32 before it. */
function isCheck({ args }: ProfileEvent): boolean {
  const [type] = Object.keys(args?.output_type_shape?.[0] ?? {});
  const [given] = Object.keys(args?.input_type_shape?.[0] ?? {});
  if (type !== 'int64') return false;
  return args?.op_name === 'BitwiseAnd' || (args?.op_name === 'Cast' && given === 'int32');
}

const kernels = events.filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'));
const milliseconds = (some: readonly ProfileEvent[]): number =>
  some.reduce((sum, { dur }) => sum + dur, 0) / 1000 / steps;
const all = milliseconds(kernels);
const operators = [...new Set(kernels.map(({ args }) => args?.op_name ?? '?'))];
const rows = operators
  .map((name) => {
    const some = kernels.filter(({ args }) => (args?.op_name ?? '?') === name);
    return { name, count: some.length / steps, time: milliseconds(some) };
  })
  .sort((a, b) => b.time - a.time);
console.log('operator                 a step        ms   share');
for (const { name, count, time } of rows) {
  const share = ((100 * time) / all).toFixed(1);
  console.log(
    `${name.padEnd(24)} ${count.toFixed(0).padStart(6)} ${time.toFixed(2).padStart(9)} ${share.padStart(5)} %`,
  );
}
const checks = kernels.filter(isCheck);
console.log(
  `${options.workload}: ${median(wall).toFixed(0)} ms a step (median of ${steps}), ${all.toFixed(0)} ms of it in ONNX ` +
    `Runtime's operators; ` +
    `${(checks.length / steps).toFixed(0)} operations check indices: ${milliseconds(checks).toFixed(2)} ms, ` +
    `${((100 * milliseconds(checks)) / all).toFixed(2)} % of them`,
);
