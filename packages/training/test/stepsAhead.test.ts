/** Steps that are begun before the losses of those before them are read. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectBackend } from '@ferry/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NonFiniteError } from '../src/index.ts';
import { summaryOf, textOf } from './kill.ts';
import { tinyModel, trainTiny } from './tiny.ts';

let root: string;
let reference: string;

beforeAll(async () => {
  await selectBackend('cpu');
  root = mkdtempSync(join(tmpdir(), 'ferry-ahead-'));
  reference = join(root, 'reference');
  await trainTiny(reference);
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

/** A tiny model, and what was begun and logged, in their order. */
function watched(): { model: ReturnType<typeof tinyModel>; begun: number[]; waiting: number[] } {
  const model = tinyModel();
  const [begun, waiting]: number[][] = [[], []];
  let read = 0;
  const step = model.trainStep.bind(model);
  model.trainStep = async (batch, context) => {
    begun!.push(context.step);
    waiting!.push(begun!.length - read);
    const result = await step(batch, context);
    await new Promise((resolve) => setImmediate(resolve));
    read++;
    return result;
  };
  return { model, begun: begun!, waiting: waiting! };
}

describe.each([2, 3, 8, 100])('%i steps ahead', (stepsAhead) => {
  const at = (name: string): string => join(root, `${name} ${stepsAhead}`);
  const same = (directory: string): void => {
    expect(textOf(directory, 'metrics.jsonl')).toBe(textOf(reference, 'metrics.jsonl'));
    expect(summaryOf(directory)).toEqual(summaryOf(reference));
  };

  it('give the same bytes, each step once, and none is begun over a checkpoint', async () => {
    const { model, begun, waiting } = watched();
    await trainTiny(at('whole'), {}, { model, stepsAhead });
    expect(begun).toEqual(Array.from({ length: 24 }, (_, step) => step));
    // Of 24 steps in 4 epochs, every fourth is saved, and the last of an epoch.
    expect(Math.max(...waiting)).toBe(Math.min(stepsAhead, 4));
    expect([0, 4, 6, 8, 12, 16, 18, 20].map((step) => waiting[step])).toEqual(Array(8).fill(1));
    same(at('whole'));
  });

  it('stop when they were read, and go on to the same bytes', async () => {
    const controller = new AbortController();
    const onStep = (step: number): void => {
      if (step === 9) controller.abort();
    };
    const ended = await trainTiny(at('stopped'), { onStep }, { stepsAhead, signal: controller.signal });
    expect(ended).toMatchObject({
      status: 'interrupted',
      step: stepsAhead === 3 ? 11 : stepsAhead === 2 ? 10 : 12,
    });
    await trainTiny(at('stopped'), {}, { stepsAhead });
    same(at('stopped'));
  });

  it('name the step whose loss is no number, and save none behind it', async () => {
    const loss = (step: number, value: number): number => (step === 9 ? NaN : value);
    const failed = trainTiny(at('lost'), { loss }, { stepsAhead });
    await expect(failed).rejects.toThrow(NonFiniteError);
    await expect(failed).rejects.toThrow(
      /the loss is NaN at step 10 \(epoch 2\); last good checkpoint: .*step-00000008\b/,
    );
    await trainTiny(at('lost'), {}, { stepsAhead });
    same(at('lost'));
  });

  it('of which one fails: those before it are logged', async () => {
    const { model } = watched();
    const step = model.trainStep.bind(model);
    model.trainStep = (batch, context) => {
      if (context.step === 10) throw new Error('out of memory');
      return step(batch, context);
    };
    await expect(trainTiny(at('failed'), {}, { model, stepsAhead, logEvery: 1 })).rejects.toThrow(
      'out of memory',
    );
    expect(textOf(at('failed'), 'metrics.jsonl')).toMatch(/"step":10,[^\n]*\n$/);
  });
});

it('is a positive number of steps', async () => {
  await expect(trainTiny(join(root, 'none'), {}, { stepsAhead: 0 })).rejects.toThrow(
    'stepsAhead must be a positive integer, got 0',
  );
});
