import { tf } from '../../src/tfjs.js';
import { compile, keepFreedMemory, registerOrtBackend } from '../../src/index.ts';

// A program of its own, run by malloc.test.ts: the allocator's settings hold for a whole process. Writes what it found
// as JSON.

/** What the program found. */
export interface Findings {
  kept: boolean;
  reason: string;
  /** Pages that one call faults in, the median of many, and the pages of its interim tensor. */
  faults: number;
  pages: number;
  /** Resident bytes that disposing the function gave back. */
  returned: number;
}

/** 36 MiB: glibc would never keep a block of more than 32. */
const SIZE = 3072;
const CALLS = 15;

registerOrtBackend({ threads: 1 });
await tf.setBackend('ort');
const sum = compile((x: tf.Tensor) => tf.sum(tf.matMul(x, x, false, true)));
const x = tf.zeros([SIZE, 2]);
const faultsOfCall = (): number => {
  const before = process.resourceUsage().minorPageFault;
  tf.dispose(sum(x));
  return process.resourceUsage().minorPageFault - before;
};
// The heap finds its size within some calls.
for (let i = 0; i < 2 * CALLS; i++) faultsOfCall();
const faults = Array.from({ length: CALLS }, faultsOfCall).sort((a, b) => a - b)[(CALLS - 1) / 2]!;
const resident = process.memoryUsage.rss();
sum.dispose();
const returned = resident - process.memoryUsage.rss();
const findings: Findings = { ...keepFreedMemory(), faults, pages: (SIZE * SIZE * 4) / 4096, returned };
console.log(JSON.stringify(findings));
