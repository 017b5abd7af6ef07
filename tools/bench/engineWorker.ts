// One side of tools/bench/engine.ts: does a training step for each line it reads and prints its milliseconds, the peak
// resident memory in MiB and the loss.
import { createInterface } from 'node:readline';
import { selectBackend, type BackendName } from '@ferry/engine';
import { prepare, WORKLOADS } from './workloads.ts';

const [name, backend, threads] = process.argv.slice(2);
const workload = WORKLOADS.find((w) => w.name === name);
if (!workload)
  throw new Error(`no workload '${name ?? ''}', have ${WORKLOADS.map((w) => w.name).join(', ')}`);
await selectBackend(backend as BackendName, { threads: Number(threads) });
const { step } = prepare(workload);
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'end') break;
  const start = performance.now();
  const loss = step();
  const elapsed = performance.now() - start;
  console.log(
    `${elapsed.toFixed(3)} ${(process.resourceUsage().maxRSS / 1024).toFixed(1)} ${loss.toFixed(6)}`,
  );
}
process.exit(0);
