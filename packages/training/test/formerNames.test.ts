import { selectBackend } from '@ferry/engine';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readMetrics, readSummary, readTimings } from '../src/index.ts';
import { directoryForEach } from './directories.ts';
import { summaryOf, textOf } from './kill.ts';
import { trainTiny } from './tiny.ts';

let directory: string;
beforeAll(async () => {
  await selectBackend('cpu');
});
directoryForEach((made) => {
  directory = made;
});

describe('a run directory written when examples were called sequences', () => {
  it('is read under the names of today', () => {
    const write = (name: string, text: string): void => {
      writeFileSync(join(directory, name), text);
    };
    write(
      'metrics.jsonl',
      '{"kind":"step","step":6,"epoch":1,"loss":5.039,"scalars":{"lookup":37}}\n' +
        '{"kind":"epoch","step":6,"epoch":1,"batches":6,"sequences":24,"loss":14.0513,"lossSum":84.308,' +
        '"scalars":{"sequences":3},"valid":{"NDCG@10":0.17},"best":true}\n',
    );
    write('timings.jsonl', '{"epoch":1,"trainSeconds":0.55,"validSeconds":0.1,"sequencesPerSecond":43.58}\n');
    write(
      'summary.json',
      `{
  "reason": "epochs", "seed": 2020, "epochs": 1, "steps": 6,
  "best": { "checkpoint": "step-00000006", "epoch": 1, "step": 6, "valid": { "NDCG@10": 0.17 } },
  "test": { "NDCG@10": 0.17 },
  "parameters": { "total": 5 },
  "timings": {
    "totalSeconds": 0.65, "epochSeconds": 0.55, "sequencesPerSecond": 43.58, "testSeconds": 0.01
  }
}
`,
    );
    const [step, epoch] = readMetrics(directory);
    expect(step).toEqual({ kind: 'step', step: 6, epoch: 1, loss: 5.039, scalars: { lookup: 37 } });
    expect(epoch).toEqual({
      ...{ kind: 'epoch', step: 6, epoch: 1, batches: 6, examples: 24, loss: 14.0513, lossSum: 84.308 },
      // A model's own name for a quantity stays.
      ...{ scalars: { sequences: 3 }, valid: { 'NDCG@10': 0.17 }, best: true },
    });
    expect(readTimings(directory)).toEqual([
      { epoch: 1, trainSeconds: 0.55, validSeconds: 0.1, examplesPerSecond: 43.58 },
    ]);
    expect(readSummary(directory)).toMatchObject({
      steps: 6,
      timings: { totalSeconds: 0.65, epochSeconds: 0.55, examplesPerSecond: 43.58, testSeconds: 0.01 },
    });
    expect(readSummary(directory)!.timings).not.toHaveProperty('sequencesPerSecond');
  });

  it('goes on from the middle of an epoch to the numbers of a run that nothing stopped', async () => {
    const whole = join(directory, 'whole');
    const old = join(directory, 'old');
    await trainTiny(whole);
    const controller = new AbortController();
    await trainTiny(
      old,
      {
        onStep(step) {
          if (step === 8) controller.abort();
        },
      },
      { signal: controller.signal },
    );
    const checkpoint = 'checkpoints/step-00000009';
    const positions: Record<string, number> = {};
    for (const name of ['metrics.jsonl', 'timings.jsonl']) {
      const text = textOf(old, name).replaceAll('"examples', '"sequences');
      expect(text).toContain('"sequences');
      writeFileSync(join(old, name), text);
      positions[name] = text.length;
    }
    const state = JSON.parse(textOf(old, `${checkpoint}/state.json`)) as {
      running: { examples?: number; weightedLoss: number };
      positions: object;
    };
    const { examples, ...sums } = state.running;
    expect(examples).toBe(12);
    const text = JSON.stringify({
      ...state,
      running: { ...sums, sequences: examples },
      positions: { ...state.positions, ...positions },
    });
    writeFileSync(join(old, checkpoint, 'state.json'), text);
    const digest = createHash('sha256').update(text).digest('hex');
    const sumsOf = textOf(old, `${checkpoint}/SHA256SUMS`);
    writeFileSync(join(old, checkpoint, 'SHA256SUMS'), sumsOf.replace(/^.{64}(?= {2}state\.json$)/m, digest));

    expect(await trainTiny(old)).toMatchObject({ status: 'finished' });
    expect(readMetrics(old)).toEqual(readMetrics(whole));
    expect(readTimings(old).map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    for (const { examplesPerSecond } of readTimings(old)) expect(examplesPerSecond).toBeGreaterThan(0);
    expect(readSummary(old)!.timings.examplesPerSecond).toBeGreaterThan(0);
    expect(summaryOf(old)).toEqual(summaryOf(whole));
  });
});
