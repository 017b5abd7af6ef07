import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tf } from '../../src/tfjs.js';
import { mixed, noise, type Case, type Input } from './cases.ts';
import { repeated } from './exact.ts';
import { expectClose, on, read, type Output } from './harness.ts';

// A row of the large tables is run several times in one compiled program, with its gradients; all runs must have the same
// bits, and the right ones. Whether a loop is long enough for ONNX Runtime to split it between threads is not guessed from
// its cost model: its own profile tells, for every node, the blocks that the node's loops were cut into.

/** The side of most inputs: 2^18 elements, which ONNX Runtime splits for every operator that it splits at all. */
export const SIDE = 512;

/** Elements of a large input; pure functions of the position. */
export function largeValues(
  { shape, dtype, fill }: Input,
  position: number,
): Float32Array | Int32Array | Uint8Array {
  const n = tf.util.sizeFromShape([...shape]);
  const draw = (i: number) => mixed(i + 104_729 * (position + 1));
  if (dtype !== 'float32') {
    const [low, count] =
      fill === 'bits' || dtype === 'bool'
        ? [0, 2]
        : typeof fill === 'object' && 'below' in fill
          ? [0, fill.below]
          : [-5, 11];
    const whole = dtype === 'bool' ? new Uint8Array(n) : new Int32Array(n);
    for (let i = 0; i < n; i++) whole[i] = low + ((draw(i) >>> 3) % count);
    return whole;
  }
  const [low, high] = RANGES[fill as keyof typeof RANGES];
  const values = new Float32Array(n);
  for (let i = 0; i < n; i++) values[i] = low + ((high - low) * (draw(i) + 0.5)) / 2 ** 32;
  return values;
}

const RANGES = {
  spread: [-2, 2],
  positive: [0.3, 2.7],
  unit: [-0.95, 0.95],
  above1: [1.2, 3],
} as const;

/** Nodes of a run by the kernel they come from, and whether ONNX Runtime cut a loop of one of them into blocks. */
export type Splits = Map<string, boolean>;

/** A folder for the profiles of one test file. */
export function profileFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'ferry-profile-'));
  /** Events of the profiles written since the last call. */
  const takeEvents = (): ProfileEvent[] =>
    readdirSync(folder).flatMap((file) => {
      const events = JSON.parse(readFileSync(join(folder, file), 'utf8')) as ProfileEvent[];
      rmSync(join(folder, file));
      return events;
    });
  return {
    prefix: join(folder, 'run'),
    /** What the profiles written since the last call say. */
    take: (): Splits => {
      const splits: Splits = new Map();
      for (const { name, args } of takeEvents()) {
        const stats = args?.thread_scheduling_stats;
        if (!stats) continue;
        const origin = name.slice(0, name.lastIndexOf('#'));
        splits.set(origin, splits.get(origin) === true || (stats.main_thread?.block_size.length ?? 0) > 0);
      }
      return splits;
    },
    /** The operators run since the last call, in their order. */
    takeOperators: (): string[] => takeEvents().flatMap(({ args }) => args?.op_name ?? []),
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}

interface ProfileEvent {
  name: string;
  args?: { op_name?: string; thread_scheduling_stats?: { main_thread?: { block_size: number[] } } };
}

/** A scalar that all float results enter with weights of their own. */
function weighted(results: tf.Tensor | tf.Tensor[], weights: readonly tf.Tensor[]): tf.Scalar {
  return floats([results].flat())
    .map((t, i) => tf.sum(tf.mul(t, weights[i]!)))
    .reduce((sum, term) => tf.add(sum, term)) as tf.Scalar;
}

function floats<T extends { dtype: string }>(results: readonly T[]): T[] {
  return results.filter(({ dtype }) => dtype === 'float32');
}

/** Gradients of the weighted sum of a row's results. */
function gradients(
  run: Case['run'],
  by: readonly number[],
  inputs: tf.Tensor[],
  weights: tf.Tensor[],
): tf.Tensor[] {
  if (by.length === 0) return [];
  return tf.grads((...some) => weighted(run(...inputs.map((t, i) => some[by.indexOf(i)] ?? t)), weights))(
    by.map((i) => inputs[i]!),
  );
}

/** Results and gradients on tfjs's cpu backend. */
async function reference(row: Case, data: ReturnType<typeof largeValues>[]): Promise<[Output[], Output[]]> {
  const run = row.onCpu ?? row.run;
  return on('cpu', () => {
    const outputs: [Output[], Output[]][] = [];
    tf.tidy(() => {
      const inputs = row.inputs.map(({ shape, dtype }, i) => tf.tensor(data[i]!, [...shape], dtype));
      const results = read(run(...inputs));
      const weights = floats(results).map(({ shape, values }, i) =>
        tf.tensor(noise(values.length, i + 1), shape),
      );
      outputs.push([results, read(gradients(run, row.gradient ?? [], inputs, weights))]);
    });
    return outputs[0]!;
  });
}

/** Runs a row compiled, several times: the same bits every time, and those of the cpu backend up to rounding. */
export async function checkLarge(row: Case): Promise<void> {
  const data = row.inputs.map(largeValues);
  const [results, slopes] = await reference(row, data);
  const by = row.gradient ?? [];
  await tf.setBackend('ort');
  const before = tf.memory().numTensors;
  const weights =
    by.length === 0
      ? []
      : floats(results).map(
          ({ shape, values }, i) => [noise(values.length, i + 1), shape] as [Float32Array, number[]],
        );
  const count = row.inputs.length;
  const got = repeated(
    (...all) => [
      ...[row.run(...all.slice(0, count))].flat(),
      ...gradients(row.run, by, all.slice(0, count), all.slice(count)),
    ],
    [...row.inputs.map(({ shape }, i) => [data[i]!, [...shape]] as [Float32Array, number[]]), ...weights],
  );
  const relative = row.tolerance?.relative ?? 1e-5;
  results.forEach(({ values, dtype }, i) => {
    expectClose(got[i]!, values, dtype === 'float32' ? relative : 0, `result ${i}, entry`);
  });
  slopes.forEach(({ values }, i) => {
    expectClose(got[results.length + i]!, values, relative, `gradient by input ${by[i]!}, entry`);
  });
  if (tf.memory().numTensors !== before) throw new Error('tensors are left');
}
