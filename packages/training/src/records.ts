import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RandomState } from '@ferry/engine';
import type { StoppingState } from './earlyStopping.ts';
import { readJson } from './files.ts';
import { withPresentNames } from './formerNames.ts';
import type { JsonObject } from './json.ts';
import type { TrainableModel } from './model.ts';

/** Sums over the batches of the present epoch. */
export interface RunningSums {
  /** Batches. */
  readonly batches: number;
  /** Examples. */
  readonly examples: number;
  /** Sum over batches of the mean loss, as the logs of RecBole show it. */
  readonly loss: number;
  /** Sum over batches of the mean loss times the examples. */
  readonly weightedLoss: number;
  /** The same for every further scalar. */
  readonly weightedScalars: Readonly<Record<string, number>>;
  /** Seconds spent. */
  readonly seconds: number;
}

/** The checkpoint that counts as a run's result. */
export interface BestCheckpoint {
  /** Its folder's name. */
  readonly checkpoint: string;
  /** Epochs completed, so 1 for the first. */
  readonly epoch: number;
  /** Steps completed. */
  readonly step: number;
  /** Validation metrics, empty for a job without validation. */
  readonly valid: Readonly<Record<string, number>>;
}

/** Everything besides tensors that a resumed run needs; a checkpoint's `state.json`. */
export interface TrainingState {
  /** Version of this layout. */
  readonly format: 1;
  /** Steps completed. */
  readonly step: number;
  /** Epochs completed. */
  readonly epoch: number;
  /**
   * Batches completed of the present epoch; 0 between epochs. With `epoch` and `random`: the place in the data order.
   */
  readonly batch: number;
  /** The stream that all randomness of the run is split from. */
  readonly random: RandomState;
  /** Sums of the present epoch. */
  readonly running: RunningSums;
  /** Where early stopping stands. */
  readonly stopping: StoppingState;
  /** Best checkpoint so far; null before the first epoch ends. */
  readonly best: BestCheckpoint | null;
  /** Checkpoints kept for good. */
  readonly kept: readonly string[];
  /** Length in bytes of each growing file when the checkpoint was saved. */
  readonly positions: Readonly<Record<string, number>>;
  /** Seconds of training, validation and tests so far, over all sittings; what was never saved is not in them. */
  readonly seconds: number;
  /** The recipe the run was started with. */
  readonly recipe: JsonObject;
  /** What the data was, if the caller says; null otherwise. */
  readonly fingerprint: string | null;
}

/** Where an epoch stands. */
export interface EpochPlace {
  /** Steps completed, over all epochs. */
  readonly step: number;
  /** Epochs completed. */
  readonly epoch: number;
  /** Batches of this epoch completed. */
  readonly batch: number;
  /** Sums of this epoch. */
  readonly running: RunningSums;
}

/** A logged step: a line of `metrics.jsonl`. */
export interface StepRecord {
  /** Tells records apart. */
  readonly kind: 'step';
  /** Steps completed, this one included: 1 for the first. */
  readonly step: number;
  /** The epoch, from 1. */
  readonly epoch: number;
  /** The step's loss, mean over its batch. */
  readonly loss: number;
  /** The step's further scalars. */
  readonly scalars?: Readonly<Record<string, number>>;
}

/** A completed epoch: a line of `metrics.jsonl`. */
export interface EpochRecord {
  /** Tells records apart. */
  readonly kind: 'epoch';
  /** Steps completed. */
  readonly step: number;
  /** Epochs completed, this one included: 1 for the first. */
  readonly epoch: number;
  /** Batches. */
  readonly batches: number;
  /** Examples. */
  readonly examples: number;
  /** Mean loss over examples. */
  readonly loss: number;
  /** Sum over batches of their mean losses, as RecBole's logs show it. */
  readonly lossSum: number;
  /** Means over examples of the further scalars. */
  readonly scalars?: Readonly<Record<string, number>>;
  /** Validation metrics, where the epoch was validated. */
  readonly valid?: Readonly<Record<string, number>>;
  /** Whether this is the best epoch so far, where the epoch was validated. */
  readonly best?: boolean;
}

/** The test of the best checkpoint: the last line of a finished run's `metrics.jsonl`. */
export interface TestRecord {
  /** Tells records apart. */
  readonly kind: 'test';
  /** Steps of the checkpoint that was tested. */
  readonly step: number;
  /** Epochs of the checkpoint that was tested. */
  readonly epoch: number;
  /** Test metrics. */
  readonly test: Readonly<Record<string, number>>;
}

/** A line of `metrics.jsonl`. It holds only what a rerun on the same machine reproduces bit for bit: no times. */
export type MetricsRecord = StepRecord | EpochRecord | TestRecord;

/** Times of an epoch: a line of `timings.jsonl`. */
export interface TimingRecord {
  /** Epochs completed. */
  readonly epoch: number;
  /** Seconds of preparation and training steps. */
  readonly trainSeconds: number;
  /** Seconds of validation. */
  readonly validSeconds: number;
  /** Examples trained on per second of training. */
  readonly examplesPerSecond: number;
}

/** Why training ended; `search`: other runs of a search were better by then. */
export type EndReason = 'epochs' | 'steps' | 'early stopping' | 'search';

/** A finished run's `summary.json`. */
export interface Summary {
  /** Why training ended. */
  readonly reason: EndReason;
  /** Seed. */
  readonly seed: number;
  /** Epochs completed. */
  readonly epochs: number;
  /** Steps completed. */
  readonly steps: number;
  /** The best checkpoint and its validation metrics; without validation, the last one. */
  readonly best: BestCheckpoint;
  /** Test metrics of the best checkpoint; null if it was not tested. */
  readonly test: Readonly<Record<string, number>> | null;
  /** Parameter counts: `total` and what the model adds. */
  readonly parameters: Readonly<Record<string, number>>;
  /** What the examples are, where they are not sequences: `triples`. */
  readonly counted?: string;
  /** Seconds, and examples per second: the only numbers that differ from run to run. */
  readonly timings: {
    /** Training, validation and tests, over all sittings. */
    readonly totalSeconds: number;
    /** Median over epochs of the seconds of training. */
    readonly epochSeconds: number;
    /** Median over epochs of examples trained on per second. */
    readonly examplesPerSecond: number;
    /** The test of the best checkpoint; tests of earlier sittings are in the total alone. */
    readonly testSeconds: number;
  };
}

/** Sums before the first batch. */
export const noSums: RunningSums = {
  batches: 0,
  examples: 0,
  loss: 0,
  weightedLoss: 0,
  weightedScalars: {},
  seconds: 0,
};

/** Adds one batch to the sums of its epoch. */
export function addStep(
  sums: RunningSums,
  step: { loss: number; examples: number; scalars: Readonly<Record<string, number>>; seconds: number },
): RunningSums {
  const weightedScalars: Record<string, number> = {};
  for (const [name, value] of Object.entries(step.scalars))
    weightedScalars[name] = (sums.weightedScalars[name] ?? 0) + value * step.examples;
  return {
    batches: sums.batches + 1,
    examples: sums.examples + step.examples,
    loss: sums.loss + step.loss,
    weightedLoss: sums.weightedLoss + step.loss * step.examples,
    weightedScalars,
    seconds: sums.seconds + step.seconds,
  };
}

function parseLines(path: string): object[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  // A run that is at work, or was killed, may have a last line that is not whole.
  lines.pop();
  return lines.map((line, i) => {
    try {
      return withPresentNames(JSON.parse(line) as object);
    } catch (error) {
      throw new Error(`${path}, line ${i + 1}: must be JSON, got ${JSON.stringify(line.slice(0, 80))}`, {
        cause: error,
      });
    }
  });
}

/** Reads a run's `metrics.jsonl`; a last line without its end is left out. */
export function readMetrics(directory: string): MetricsRecord[] {
  return parseLines(join(directory, 'metrics.jsonl')) as MetricsRecord[];
}

/** Reads a run's `timings.jsonl`. */
export function readTimings(directory: string): TimingRecord[] {
  return parseLines(join(directory, 'timings.jsonl')) as TimingRecord[];
}

/** Reads a run's `summary.json`; undefined for a run that is not finished. */
export function readSummary(directory: string): Summary | undefined {
  const path = join(directory, 'summary.json');
  if (!existsSync(path)) return undefined;
  const summary = readJson(path) as Partial<Summary> | null;
  if (typeof summary?.timings !== 'object')
    throw new Error(`${path} is damaged: it must have timings, got ${JSON.stringify(summary).slice(0, 60)}`);
  return { ...summary, timings: withPresentNames(summary.timings) } as Summary;
}

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
    counted: run.model.counted,
    timings: {
      totalSeconds: run.state.seconds + run.testSeconds,
      epochSeconds: median(timings.map((t) => t.trainSeconds)),
      examplesPerSecond: median(timings.map((t) => t.examplesPerSecond)),
      testSeconds: run.testSeconds,
    },
  };
}
