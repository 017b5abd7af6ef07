import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { registerOrtBackend } from '../src/index.ts';
import type { Findings } from './support/leak.ts';

beforeAll(async () => {
  registerOrtBackend({ threads: 1 });
  await tf.setBackend('ort');
});
afterAll(() => tf.setBackend('cpu'));

const MIB = 2 ** 20;

it('hundreds of compiled training steps leave tensors, buffers and memory where they were', () => {
  const program = fileURLToPath(new URL('support/leak.ts', import.meta.url));
  const output = execFileSync(
    process.execPath,
    ['--expose-gc', '--max-semi-space-size=1', '--import', 'tsx', program],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const { held, losses, counter, programs, before, after } = JSON.parse(output) as Findings;
  const [early, later, last] = held;
  for (const now of [later!, last!]) {
    expect(now.tensors).toBe(early!.tensors);
    expect(now.buffers).toBe(early!.buffers);
    expect((now.external - early!.external) / MIB).toBeLessThan(0.25);
    // V8's collected heap holds a little more compiled code.
    expect((now.heap - early!.heap) / MIB).toBeLessThan(2);
    // 3 to 5 MiB are the code that V8's optimising compiler makes, and its work space. A step allocates 50 KiB of
    // arguments and results: 500 of them leaked would be 25 MiB.
    expect((now.resident - early!.resident) / MIB).toBeLessThan(8);
  }
  expect(programs).toBe(1);
  expect(counter).toBe(1020);
  expect(losses).toHaveLength(1020);
  expect(losses.every(Number.isFinite)).toBe(true);
  expect(losses.at(-1)).not.toBe(losses[0]);
  expect(after).toBe(before);
});

it('eager operations of ever new constants and shapes keep a bounded number of programs', () => {
  const backend = tf.backend() as unknown as { eagerPrograms: number };
  tf.tidy(() => {
    for (let i = 0; i < 400; i++) {
      tf.fill([3], i + 0.5);
      tf.neg(tf.ones([i + 1]));
    }
    expect(backend.eagerPrograms).toBe(512);
    // One that was dropped is made anew.
    expect(Array.from(tf.neg(tf.ones([1])).dataSync())).toEqual([-1]);
    expect(Object.is(tf.fill([1], 0).dataSync()[0], 0)).toBe(true);
    expect(Object.is(tf.fill([1], -0).dataSync()[0], -0)).toBe(true);
  });
});
