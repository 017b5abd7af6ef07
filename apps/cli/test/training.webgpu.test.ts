/** Training on ort:webgpu beside the same on the processor: losses, an exact resume, and a loss that is no number. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectBackend, tf } from '@ferry/engine';
import { NonFiniteError, readMetrics, runTraining } from '@ferry/training';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tinyModels, type Make, type TinySettings } from './tinyModels.ts';

const STEPS = 20;

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ferry-device-'));
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});
afterEach(() => {
  tf.disposeVariables();
});

/** Trains in a folder of its own, or goes on there; `failAt`: the step in which the process is lost. */
async function train(
  name: string,
  make: Make,
  settings: TinySettings = { learningRate: 0.01 },
  failAt = Infinity,
): Promise<string> {
  const directory = join(root, name);
  const model = await make(settings);
  const given = model.trainStep.bind(model);
  model.trainStep = (batch, context) => {
    if (context.step === failAt) throw new Error('lost');
    return given(batch, context);
  };
  await runTraining({
    directory,
    recipe: {},
    model,
    seed: 1,
    epochs: STEPS,
    steps: STEPS,
    checkpointEvery: 5,
    logEvery: 1,
    output: null,
    handleSignals: false,
  });
  return directory;
}

const lossesOf = (directory: string): number[] =>
  readMetrics(directory).flatMap((record) => (record.kind === 'step' ? [record.loss] : []));

/** The newest checkpoint's files, as bytes. */
function lastState(directory: string): [string, string][] {
  const newest = join(directory, 'checkpoints', readdirSync(join(directory, 'checkpoints')).sort().at(-1)!);
  return readdirSync(newest)
    .filter((file) => file.endsWith('.safetensors'))
    .map((file) => [file, readFileSync(join(newest, file)).toString('base64')]);
}

describe.each(['MISSRec', 'SASRec', 'NRMS'])('%s on ort:webgpu', (name) => {
  const make = tinyModels[name]!;
  it(`has the losses of the processor for ${STEPS} steps, and goes on to the same bits`, async () => {
    await selectBackend('ort:cpu', { threads: 1 });
    const wanted = lossesOf(await train(`${name} cpu`, make));
    expect(wanted).toHaveLength(STEPS);
    tf.disposeVariables();
    await selectBackend('ort:webgpu', { threads: 1 });
    const whole = await train(`${name} whole`, make);
    lossesOf(whole).forEach((loss, i) => {
      expect(
        Math.abs(loss / wanted[i]! - 1),
        `step ${i + 1}: ${loss}, on the processor ${wanted[i]!}`,
      ).toBeLessThan(1e-3);
    });
    tf.disposeVariables();
    await expect(train(`${name} lost`, make, undefined, 13)).rejects.toThrow('lost');
    tf.disposeVariables();
    const resumed = await train(`${name} lost`, make);
    const metrics = (directory: string): string => readFileSync(join(directory, 'metrics.jsonl'), 'utf8');
    expect(metrics(resumed)).toBe(metrics(whole));
    expect(lastState(resumed)).toEqual(lastState(whole));
    expect(existsSync(join(resumed, 'lock'))).toBe(false);
  });
});

describe('a loss that is no number', () => {
  const stops: [what: string, name: string, settings: TinySettings][] = [
    ...['MISSRec', 'SASRec', 'NRMS'].map((name): [string, string, TinySettings] => [
      'a learning rate of 1e30',
      name,
      { learningRate: 1e30 },
    ]),
    ['an infinite feature', 'MISSRec without interests', { learningRate: 0.01, feature: Infinity }],
    ['a feature that is NaN', 'MISSRec without interests', { learningRate: 0.01, feature: NaN }],
  ];
  it.each(stops)(
    '%s stops %s at the step at which it does on the processor',
    async (what, name, settings) => {
      const ends: NonFiniteError[] = [];
      for (const backend of ['ort:cpu', 'ort:webgpu'] as const) {
        await selectBackend(backend, { threads: 1 });
        const end: unknown = await train(`${name} ${what} ${backend}`, tinyModels[name]!, settings).catch(
          (e: unknown) => e,
        );
        expect(end).toBeInstanceOf(NonFiniteError);
        ends.push(end as NonFiniteError);
        tf.disposeVariables();
      }
      expect(ends[1]!.message).toBe(ends[0]!.message);
    },
    600_000,
  );
});
