import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensors } from '@ferry/nn';
import { selectBackend, tf } from '@ferry/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint, readMetrics, readSummary, readTimings, restoreModel } from '../src/index.ts';
import type { EpochRecord, StepRecord } from '../src/index.ts';
import { directoryForEach } from './directories.ts';
import { textOf } from './kill.ts';
import { tinyModel, trainTiny } from './tiny.ts';

let directory: string;
beforeAll(async () => {
  await selectBackend('cpu');
});
directoryForEach((made) => {
  directory = made;
});

describe('runTraining', () => {
  it('leaves a run directory that tells everything', async () => {
    const result = await trainTiny(directory, { metric: (count) => count / 10 });
    expect(readdirSync(directory).sort()).toEqual([
      'checkpoints',
      'environment.json',
      'log.txt',
      'metrics.jsonl',
      'recipe.yaml',
      'summary.json',
      'timings.jsonl',
    ]);
    expect(textOf(directory, 'recipe.yaml')).toBe('name: tiny\nwidth: 5\n');
    const environment = JSON.parse(textOf(directory, 'environment.json')) as Record<string, unknown>;
    expect(environment).toMatchObject({ seed: 2020, engine: { backend: 'cpu' }, node: process.version });
    const summary = readSummary(directory);
    expect(result).toEqual({ status: 'finished', summary });
    expect(summary).toMatchObject({
      reason: 'epochs',
      epochs: 4,
      steps: 24,
      best: { epoch: 4, step: 24 },
      parameters: { total: 5, trainable: 5 },
    });
    expect(readTimings(directory).map((t) => t.epoch)).toEqual([1, 2, 3, 4]);
    const files = readdirSync(join(directory, 'checkpoints', 'step-00000024')).sort();
    expect(files).toEqual(['SHA256SUMS', 'model.safetensors', 'optimizer.safetensors', 'state.json']);
  });

  it('learns: the sum of squares falls, the metric rises', async () => {
    await trainTiny(directory, {}, { epochs: 12 });
    const epochs = readMetrics(directory).filter((r): r is EpochRecord => r.kind === 'epoch');
    expect(epochs[11]!.loss).toBeLessThan(0.1 * epochs[0]!.loss);
    expect(epochs[11]!.valid!['NDCG@10']).toBeGreaterThan(2 * epochs[0]!.valid!['NDCG@10']!);
  });

  it('means an epoch over its examples and its batches', async () => {
    await trainTiny(directory, {}, { logEvery: 1, epochs: 1 });
    const records = readMetrics(directory);
    const steps = records.filter((r): r is StepRecord => r.kind === 'step');
    const epoch = records.find((r): r is EpochRecord => r.kind === 'epoch')!;
    const sum = steps.reduce((total, r) => total + r.loss, 0);
    expect(epoch).toMatchObject({ batches: 6, examples: 24, lossSum: sum });
    expect(epoch.loss).toBeCloseTo(sum / 6, 12);
    const lookups = steps.reduce((total, r) => total + r.scalars!['lookup']!, 0);
    expect(epoch.scalars!['lookup']).toBeCloseTo(lookups / 6, 12);
  });

  it('goes on where a finished run is given more epochs, to the numbers of a run that had them', async () => {
    const whole = mkdtempSync(join(tmpdir(), 'ferry-run-'));
    try {
      await trainTiny(whole, {}, { epochs: 5 });
      await trainTiny(directory, {}, { epochs: 3 });
      const more = await trainTiny(directory, {}, { epochs: 5 });
      expect(more).toMatchObject({ status: 'finished', summary: { reason: 'epochs', epochs: 5 } });
      expect(textOf(directory, 'metrics.jsonl')).toBe(textOf(whole, 'metrics.jsonl'));
      await expect(trainTiny(directory, {}, { epochs: 4 })).rejects.toThrow(
        /has done 5 epochs: epochs can be raised, not lowered, got 4/,
      );
    } finally {
      rmSync(whole, { recursive: true, force: true });
    }
  });

  it('sums the seconds of all sittings, those of their tests too', async () => {
    const controller = new AbortController();
    const abort = (step: number): void => {
      if (step === 3) controller.abort();
    };
    await trainTiny(directory, { onStep: abort }, { epochs: 2, signal: controller.signal });
    await trainTiny(directory, {}, { epochs: 2 });
    const { testSeconds } = readSummary(directory)!.timings;
    // A sitting that saves nothing takes nothing away.
    const fail = (): never => {
      throw new Error('killed');
    };
    await expect(trainTiny(directory, { onStep: fail }, { epochs: 3 })).rejects.toThrow('killed');
    expect(readSummary(directory)).toBeUndefined();
    await trainTiny(directory, {}, { epochs: 3 });
    const { timings } = readSummary(directory)!;
    const epochs = readTimings(directory).map(
      ({ trainSeconds, validSeconds }) => trainSeconds + validSeconds,
    );
    expect(testSeconds).toBeGreaterThan(0);
    expect(timings.totalSeconds).toBeCloseTo(
      epochs.reduce((sum, seconds) => sum + seconds, testSeconds + timings.testSeconds),
      9,
    );
  });

  it('goes on where a run that stopped early is given more patience', async () => {
    const values = [0.3, 0.2, 0.2, 0.2, 0.2, 0.4];
    const train = (patience: number, seen = 0) => {
      const model = tinyModel({ metric: (count) => values[count + seen] ?? 0 });
      return trainTiny(directory, {}, { model, epochs: 6, earlyStopping: { patience } });
    };
    expect(await train(0)).toMatchObject({ summary: { reason: 'early stopping', epochs: 2 } });
    expect(await train(2, 2)).toMatchObject({ summary: { reason: 'early stopping', epochs: 4 } });
    expect(await train(9, 4)).toMatchObject({ summary: { reason: 'epochs', epochs: 6, best: { epoch: 6 } } });
    await expect(train(-1)).rejects.toThrow(/patience must be a whole number of at least 0, got -1/);
  });

  it('ends where a search asks for more than its best so far, and goes on where it no longer does', async () => {
    const values = [0.3, 0.2, 0.4, 0.1];
    const train = (least?: (epochs: number) => number | undefined, seen = 0) => {
      const model = tinyModel({ metric: (count) => values[count + seen] ?? 0 });
      return trainTiny(directory, {}, { model, epochs: 4, earlyStopping: least ? { least } : {} });
    };
    const asked = (epochs: number): number | undefined => (epochs < 2 ? undefined : 0.35);
    expect(await train(asked)).toMatchObject({
      summary: { reason: 'search', epochs: 2, best: { epoch: 1 } },
    });
    // Another sitting changes nothing.
    expect(await train(asked)).toMatchObject({ summary: { reason: 'search', epochs: 2 } });
    expect(await train((epochs) => 0.3 + 0.1 * Number(epochs > 3), 2)).toMatchObject({
      summary: { reason: 'epochs', epochs: 4, best: { epoch: 3 } },
    });
  });

  it('stops early, and returns and tests the best epoch', async () => {
    const values = [0.1, 0.3, 0.2, 0.2, 0.2, 0.2];
    const model = tinyModel({ metric: (count) => values[count] ?? 0 });
    const result = await trainTiny(directory, {}, { model, epochs: 50, earlyStopping: { patience: 2 } });
    expect(result).toMatchObject({
      summary: {
        reason: 'early stopping',
        epochs: 5,
        best: { epoch: 2, step: 12, valid: { 'NDCG@10': 0.3 } },
      },
    });
    const best = await readSafetensors(join(directory, 'checkpoints', 'step-00000012', 'model.safetensors'));
    expect([...(await model.parameters().get('weight')!.data())]).toEqual([
      ...(best.tensors.get('weight')!.data as Float32Array),
    ]);
    expect(model.buffers!().get('lookup')!.data).toEqual(best.tensors.get('lookup')!.data);
    const test = readMetrics(directory).at(-1);
    expect(test).toMatchObject({ kind: 'test', epoch: 2, step: 12 });
  });

  it('does not train a finished run again', async () => {
    const first = await trainTiny(directory);
    const before = readFileSync(join(directory, 'metrics.jsonl'));
    const again = await trainTiny(directory, {
      onStep() {
        throw new Error('a step');
      },
    });
    expect(again).toEqual(first);
    expect(readFileSync(join(directory, 'metrics.jsonl'))).toEqual(before);
  });

  it('closes the epoch when the steps are spent', async () => {
    const result = await trainTiny(directory, {}, { steps: 8 });
    expect(result).toMatchObject({ summary: { reason: 'steps', steps: 8, epochs: 2 } });
    const last = readMetrics(directory).findLast((r): r is EpochRecord => r.kind === 'epoch');
    expect(last).toMatchObject({ batches: 2, epoch: 2 });
  });

  it('takes the last checkpoint where nothing is validated', async () => {
    const result = await trainTiny(directory, { blind: true }, { keepEvery: 2 });
    expect(result).toMatchObject({ summary: { best: { epoch: 4, valid: {} }, test: null } });
    // Epochs 2 and 4 are kept for good; the checkpoint before the last, and what it named as the result, in case the
    // last is damaged.
    expect(readdirSync(join(directory, 'checkpoints')).sort()).toEqual([
      'step-00000012',
      'step-00000018',
      'step-00000020',
      'step-00000024',
    ]);
  });

  it('says which metrics there are if the chosen one is not', async () => {
    await expect(trainTiny(directory, {}, { earlyStopping: { metric: 'mrr' } })).rejects.toThrow(
      "early stopping needs metric 'mrr', evaluate('valid') gave NDCG@10, recall@10",
    );
  });

  it('checks its numbers, all at once', async () => {
    await expect(trainTiny(directory, {}, { epochs: 0, logEvery: 1.5 })).rejects.toThrow(
      'runTraining: epochs must be a positive integer, got 0; logEvery must be a positive integer, got 1.5',
    );
  });

  it('refuses an epoch without batches', async () => {
    await expect(trainTiny(directory, { batches: 0 })).rejects.toThrow(
      'must have a batch after batch 0, got none',
    );
  });

  it('keeps no tensor', async () => {
    const model = tinyModel({ batches: 40 });
    const before = tf.memory().numTensors;
    await trainTiny(directory, {}, { model, epochs: 3, logEvery: 50 });
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('openCheckpoint', () => {
  it('finds the best and the last of a run, and restores a model', async () => {
    const values = [0.1, 0.3, 0.2, 0.1];
    await trainTiny(directory, { metric: (count) => values[count] ?? 0 });
    expect((await openCheckpoint(directory)).state.epoch).toBe(2);
    const last = await openCheckpoint(directory, 'last');
    expect(last.state.epoch).toBe(4);
    const fresh = tinyModel();
    await restoreModel(fresh, last, last.path);
    const weight = last.model.get('weight')!.data;
    expect(await fresh.parameters().get('weight')!.data()).toEqual(weight);
    const direct = await openCheckpoint(last.path);
    expect(direct.model.get('weight')!.data).toEqual(weight);
  });

  it('takes the name of the best checkpoint for a name, never for a path', async () => {
    await trainTiny(directory, {});
    const { path } = await openCheckpoint(directory, 'last');
    // A valid checkpoint elsewhere, which the file's name would lead to.
    cpSync(path, join(directory, 'elsewhere'), { recursive: true });
    for (const checkpoint of [
      '../elsewhere',
      join(directory, 'elsewhere'),
      'step-00000001/../../elsewhere',
      7,
    ]) {
      const file = join(path, 'state.json');
      const state = JSON.parse(readFileSync(file, 'utf8')) as { best: object };
      const text = JSON.stringify({ ...state, best: { ...state.best, checkpoint } });
      writeFileSync(file, text);
      const sums = join(path, 'SHA256SUMS');
      const digest = createHash('sha256').update(text).digest('hex');
      writeFileSync(sums, readFileSync(sums, 'utf8').replace(/^.{64}(?= {2}state\.json$)/m, digest));
      await expect(openCheckpoint(directory)).rejects.toThrow(
        /state\.json: best\.checkpoint must be the name of a checkpoint/,
      );
    }
  });

  it('says what it looked for', async () => {
    await expect(openCheckpoint(directory)).rejects.toThrow(
      'no checkpoint in it (expected checkpoints/step-…)',
    );
  });
});
