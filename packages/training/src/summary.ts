import type { TrainableModel } from './model.ts';
import type { EndReason, Summary } from './records.ts';
import { readTimings } from './records.ts';
import type { BestCheckpoint, TrainingState } from './state.ts';

/** Middle value; the mean of the two middle ones of an even number; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Puts a finished run's summary together. */
export function summarise<B>(run: {
  directory: string;
  model: TrainableModel<B>;
  state: TrainingState;
  best: BestCheckpoint;
  reason: EndReason;
  test: Record<string, number> | null;
  testSeconds: number;
}): Summary {
  const timings = readTimings(run.directory);
  let total = 0;
  for (const variable of run.model.parameters().values()) total += variable.size;
  return {
    reason: run.reason,
    seed: run.state.random.key[0] + run.state.random.key[1] * 2 ** 32,
    epochs: run.state.epoch,
    steps: run.state.step,
    best: run.best,
    test: run.test,
    parameters: { total, ...run.model.counts?.() },
    timings: {
      totalSeconds: run.state.seconds + run.testSeconds,
      epochSeconds: median(timings.map((t) => t.trainSeconds)),
      sequencesPerSecond: median(timings.map((t) => t.sequencesPerSecond)),
      testSeconds: run.testSeconds,
    },
  };
}
