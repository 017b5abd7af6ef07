// Times training steps of the engine against PyTorch and the other tfjs backends, steps interleaved in one run.
//
//   npm run bench:engine -- [--workload NAME ...] [--steps 9] [--threads 2] [--python python3] [--wasm] [--tensorflow]
//
// --python names a Python that has PyTorch (FERRY_PYTHON by default); without one only the engine is timed.
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from './clock.ts';
import { DidNotRun } from './programs.ts';
import { QUIET_MS } from './turns.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

const { values: options } = parseArgs({
  options: {
    workload: { type: 'string', multiple: true },
    steps: { type: 'string', default: '9' },
    threads: { type: 'string', default: '2' },
    python: { type: 'string', default: process.env['FERRY_PYTHON'] ?? 'python3' },
    wasm: { type: 'boolean', default: false },
    tensorflow: { type: 'boolean', default: false },
  },
});
const steps = Number(options.steps);
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

interface Side {
  name: string;
  process: ChildProcessByStdio<Writable, Readable, null>;
  lines: AsyncIterator<string>;
  times: number[];
  memory: number;
  first: number;
  /** Why it gives no more figures. */
  ended?: DidNotRun;
}

function start(name: string, command: string, args: string[]): Side {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { name, process: child, lines, times: [], memory: 0, first: 0 };
}

/** Milliseconds of a step; not a number where the side's program has ended. */
async function step(side: Side): Promise<number> {
  if (side.ended) return NaN;
  await sleep(QUIET_MS);
  side.process.stdin.write('step\n');
  const next = await side.lines.next();
  if (next.done) {
    side.ended = new DidNotRun('its program ended; what it said stands above');
    return NaN;
  }
  const [milliseconds, memory] = next.value.split(' ').map(Number);
  side.memory = memory!;
  return milliseconds!;
}

function worker(workload: Workload, backend: string): Side {
  return start(backend, process.execPath, [
    '--import',
    'tsx',
    here('engineWorker.ts'),
    workload.name,
    backend,
    options.threads,
  ]);
}

const hasTorch = spawnSync(options.python, ['-c', 'import torch']).status === 0;
if (!hasTorch) console.log(`PyTorch: not in '${options.python}' (--python), so there is no ratio to it`);

console.log('| step | backend | first ms | median ms | min ms | peak MiB | time / ort |');
console.log('| --- | --- | --- | --- | --- | --- | --- |');
for (const workload of WORKLOADS) {
  if (options.workload && !options.workload.includes(workload.name)) continue;
  const sides = [worker(workload, 'ort')];
  if (hasTorch && !['identity', 'scale'].includes(workload.kind))
    sides.push(
      start('PyTorch', options.python, [
        here('../parity/engine_bench.py'),
        workload.kind,
        ...[workload.B, workload.L, workload.rate].map(String),
        options.threads,
      ]),
    );
  if (options.tensorflow) sides.push(worker(workload, 'tensorflow'));
  for (const side of sides) {
    side.first = await step(side);
    await step(side);
  }
  for (let i = 0; i < steps; i++) for (const side of sides) side.times.push(await step(side));
  if (options.wasm) {
    // One step: it takes minutes.
    const wasm = worker(workload, 'wasm');
    wasm.first = await step(wasm);
    wasm.times.push(wasm.first);
    sides.push(wasm);
  }
  const base = median(sides[0]!.times);
  for (const side of sides) {
    if (side.ended) {
      console.log(`| ${workload.name} | ${side.name} | ${String(side.ended)} | | | | |`);
      continue;
    }
    console.log(
      `| ${workload.name} | ${side.name} | ${side.first.toFixed(0)} | ${median(side.times).toFixed(1)} | ` +
        `${Math.min(...side.times).toFixed(1)} | ${side.memory.toFixed(0)} | ${(median(side.times) / base).toFixed(2)} |`,
    );
    side.process.stdin.end('end\n');
    side.process.kill();
  }
}
