import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BestCheckpoint } from './state.ts';

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
  /** Sequences. */
  readonly sequences: number;
  /** Mean loss over sequences. */
  readonly loss: number;
  /** Sum over batches of their mean losses, as RecBole's logs show it. */
  readonly lossSum: number;
  /** Means over sequences of the further scalars. */
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
  /** Sequences trained on per second of training. */
  readonly sequencesPerSecond: number;
}

/** Why training ended. */
export type EndReason = 'epochs' | 'steps' | 'early stopping';

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
  /** Seconds, and sequences per second: the only numbers that differ from run to run. */
  readonly timings: {
    /** Training and evaluation, over all sittings. */
    readonly totalSeconds: number;
    /** Median over epochs of the seconds of training. */
    readonly epochSeconds: number;
    /** Median over epochs of sequences trained on per second. */
    readonly sequencesPerSecond: number;
    /** The test. */
    readonly testSeconds: number;
  };
}

function parseLines(path: string): unknown[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  // A run that is at work, or was killed, may have a last line that is not whole.
  lines.pop();
  return lines.map((line, i): unknown => {
    try {
      return JSON.parse(line);
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
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Summary) : undefined;
}
