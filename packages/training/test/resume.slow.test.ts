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

describe('a run that is killed', () => {
  it.each([4, 5, 11, 12, 23])('gives the same bytes after SIGKILL in step %i', async (step) => {
    const directory = join(root, `step ${step}`);
    expect((await runAndStop(directory, 'SIGKILL', step)).signal).toBe('SIGKILL');
    expect(existsSync(join(directory, 'checkpoints'))).toBe(true);
    await trainTiny(directory);
    expect(textOf(directory, 'metrics.jsonl')).toBe(textOf(reference, 'metrics.jsonl'));
    expect(summaryOf(directory)).toEqual(summaryOf(reference));
  });

  it('survives being killed again and again', async () => {
    const directory = join(root, 'again');
    for (const step of [7, 8, 13, 20]) await runAndStop(directory, 'SIGKILL', step);
    await trainTiny(directory);
    expect(textOf(directory, 'metrics.jsonl')).toBe(textOf(reference, 'metrics.jsonl'));
    expect(summaryOf(directory)).toEqual(summaryOf(reference));
  });

  it('saves at SIGTERM too', async () => {
    const directory = join(root, 'SIGTERM');
    const stopped = await runAndStop(directory, 'SIGTERM', 17);
    expect(stopped.out).toContain('interrupted');
    expect(readdirSync(join(directory, 'checkpoints'))).toContain('step-00000018');
    await trainTiny(directory);
    expect(textOf(directory, 'metrics.jsonl')).toBe(textOf(reference, 'metrics.jsonl'));
  });
});
