import { selectBackend } from '@ferry/engine';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runAndStop, summaryOf, textOf } from './kill.ts';
import { trainTiny } from './tiny.ts';

let root: string;
let reference: string;

beforeAll(async () => {
  await selectBackend('cpu');
  root = mkdtempSync(join(tmpdir(), 'ferry-resume-'));
  reference = join(root, 'reference');
  expect((await trainTiny(reference)).status).toBe('finished');
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

describe('a run that is stopped and resumed', () => {
  it('logs what an uninterrupted run logs', () => {
    const lines = textOf(reference, 'metrics.jsonl').trim().split('\n');
    // Step 1, every second of 24 steps, 4 epochs, the test.
    expect(lines).toHaveLength(1 + 12 + 4 + 1);
  });

  it.each([
    ['before the first checkpoint', 2],
    ['in the first step of an epoch', 6],
    ['two steps after a checkpoint within an epoch', 10],
  ])('gives the same bytes: killed %s', async (name, step) => {
    const directory = join(root, name);
    expect((await runAndStop(directory, 'SIGKILL', step)).signal).toBe('SIGKILL');
    expect(existsSync(join(directory, 'summary.json'))).toBe(false);
    expect(existsSync(join(directory, 'lock'))).toBe(true);
    const steps: number[] = [];
    await trainTiny(directory, {
      onStep(at) {
        steps.push(at);
      },
    });
    // Only a kill before the first checkpoint, which is saved after 4 steps, begins anew.
    expect(steps[0]).toBe(step < 4 ? 0 : step < 8 ? 6 : 8);
    expect(textOf(directory, 'metrics.jsonl')).toBe(textOf(reference, 'metrics.jsonl'));
    expect(summaryOf(directory)).toEqual(summaryOf(reference));
    expect(existsSync(join(directory, 'lock'))).toBe(false);
  });

  it('saves at Ctrl-C, says how to go on, and goes on', async () => {
    const directory = join(root, 'SIGINT');
    const stopped = await runAndStop(directory, 'SIGINT', 8);
    expect(stopped.code).toBe(0);
    expect(stopped.out).toContain('interrupted');
    expect(stopped.err).toContain('after step 9; saved');
    expect(stopped.err).toContain('ferry resume here');
    expect(readdirSync(join(directory, 'checkpoints'))).toContain('step-00000009');
    await trainTiny(directory);
    expect(textOf(directory, 'metrics.jsonl')).toBe(textOf(reference, 'metrics.jsonl'));
    expect(summaryOf(directory)).toEqual(summaryOf(reference));
  });

  it('saves when aborted, in any step', async () => {
    for (const step of [0, 5, 12, 22]) {
      const directory = join(root, `abort ${step}`);
      const controller = new AbortController();
      const result = await trainTiny(
        directory,
        {
          onStep(at) {
            if (at === step) controller.abort();
          },
        },
        { signal: controller.signal },
      );
      expect(result).toMatchObject({ status: 'interrupted', by: 'abort', step: step + 1 });
      await trainTiny(directory);
      expect(textOf(directory, 'metrics.jsonl')).toBe(textOf(reference, 'metrics.jsonl'));
      expect(summaryOf(directory)).toEqual(summaryOf(reference));
    }
  });

  it('differs with another seed', async () => {
    const directory = join(root, 'seed');
    await trainTiny(directory, {}, { seed: 2021 });
    expect(textOf(directory, 'metrics.jsonl')).not.toBe(textOf(reference, 'metrics.jsonl'));
  });
});
