// What training steps and a ranking take on a device, beside PyTorch on the same one: milliseconds of the first step, the
// median of the others, each read at once, and of those that are begun 8 at a time before they are read, as training begins
// them; and the bytes that cross between host and device at each step.
//
//   npx tsx tools/bench/gpu/measure.ts [--backend ort:webgpu] [--steps 20] [--only sasrec,nrms] [--scale 1]
//                                      [--python python3] [--torch cuda]
//
// --scale .02 makes batches small, for a device that a processor emulates. PyTorch is left out where it is not, or does not
// see the device that --torch names.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describe, deviceTraffic, selectBackend, type BackendName } from '@ferry/engine';
import { median } from '../clock.ts';
import { DidNotRun, printed } from '../programs.ts';
import { measured, type Measured } from './steps.ts';

const { values: options } = parseArgs({
  options: {
    backend: { type: 'string', default: 'ort:webgpu' },
    steps: { type: 'string', default: '20' },
    only: { type: 'string' },
    scale: { type: 'string', default: '1' },
    python: { type: 'string', default: process.env['FERRY_PYTHON'] ?? 'python3' },
    torch: { type: 'string', default: 'cuda' },
  },
});
const steps = Number(options.steps);
const wanted = options.only?.toLowerCase().split(',');
const all = measured(Number(options.scale));
const chosen = all.filter(({ name }) => !wanted || wanted.some((part) => name.toLowerCase().includes(part)));
if (chosen.length === 0)
  throw new Error(
    `--only must be parts of names of steps, got ${options.only}; there are ${all.map(({ name }) => name).join('; ')}`,
  );

/** What of {@link options}' PyTorch there is. */
function torchDevice(): string | undefined {
  const ask = `import torch; print(torch.__version__, torch.zeros(1, device="${options.torch}").device)`;
  const { status, stdout } = spawnSync(options.python, ['-c', ask], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** Milliseconds of steps of the twin. */
function twin({ twin: args }: Measured, ...precision: string[]): string {
  if (!args) return '';
  // In the bundle the script lies beside this file.
  const script = ['engine_bench.py', '../../parity/engine_bench.py']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => spawnSync('test', ['-f', path]).status === 0)!;
  const all = [script, ...args, '2', options.torch, ...precision];
  const text = printed(options.python, all, {}, '\n'.repeat(steps + 3));
  if (text instanceof DidNotRun) return String(text);
  const times = text
    .trim()
    .split('\n')
    .map((line) => Number(line.split(' ')[0]));
  return median(times.slice(3)).toFixed(2);
}

/** A row of the table. */
async function row(one: Measured, torch: boolean): Promise<string[]> {
  const { step, dispose } = await one.make();
  try {
    const times: number[] = [];
    let [before, after] = [deviceTraffic(), deviceTraffic()];
    for (let i = 0; i < steps + 3; i++) {
      before = deviceTraffic();
      const start = performance.now();
      await step();
      times.push(performance.now() - start);
      after = deviceTraffic();
    }
    const together: number[] = [];
    const group = Math.min(8, steps);
    for (let i = 0; i < steps; i += group) {
      const start = performance.now();
      await Promise.all(Array.from({ length: group }, step));
      together.push((performance.now() - start) / group);
    }
    const crossed = (way: 'up' | 'down'): string =>
      before && after ? ((after[way] - before[way]) / 1e3).toFixed(1) : '';
    return [
      one.name,
      times[0]!.toFixed(0),
      median(times.slice(3)).toFixed(2),
      median(together).toFixed(2),
      crossed('up'),
      crossed('down'),
      ...(torch ? [twin(one), twin(one, 'tf32')] : []),
    ];
  } finally {
    dispose();
  }
}

await selectBackend(options.backend as BackendName, { threads: 1 });
console.log(describe());
const torch = torchDevice();
console.log(torch ? `PyTorch ${torch}` : `PyTorch: none that sees ${options.torch} in '${options.python}'`);
const heading = ['step', 'first ms', 'median ms', '8 begun, ms', 'kB up', 'kB down'];
if (torch) heading.push('PyTorch float32 ms', 'PyTorch TF32 ms');
const line = (cells: readonly string[]): void => {
  console.log(`| ${cells.join(' | ')} |`);
};
line(heading);
line(heading.map((_, i) => (i === 0 ? '---' : '--:')));
for (const one of chosen) {
  try {
    line(await row(one, torch !== undefined));
  } catch (error) {
    line([one.name, error instanceof Error ? error.message : String(error)]);
  }
}
