import type { LineFile } from './files.ts';
import type { Settings } from './options.ts';
import type { TrainableModel } from './model.ts';
import { createDisplay, formatProgress, formatSeconds, formatSpeed } from './progress.ts';
import type { Output, Progress } from './progress.ts';
import type { EpochPlace, EpochRecord, StepRecord, Summary, TimingRecord } from './records.ts';

/** Tells people how training goes: on the screen and in `log.txt`. */
export interface Reporter {
  /** A line for both. */
  note(text: string): void;
  /** A step was completed. */
  step(record: StepRecord, place: EpochPlace): void;
  /** An epoch was completed. */
  epoch(record: EpochRecord, timing: TimingRecord): void;
  /** The run was completed. */
  finished(summary: Summary): void;
  /** The run failed: for the log only, the caller throws. */
  failed(message: string): void;
}

/** Metrics on one line, such as `ndcg@10 .0933`. */
function formatMetrics(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${value.toFixed(4).replace(/^(-?)0\./, '$1.')}`)
    .join(', ');
}

function formatEpoch(
  record: EpochRecord,
  timing: TimingRecord,
  { epochs, counted }: Pick<Progress, 'epochs' | 'counted'>,
): string {
  return [
    `epoch ${record.epoch}/${epochs}`,
    `loss ${record.loss.toFixed(4)}`,
    ...(record.valid ? [`valid ${formatMetrics(record.valid)}${record.best ? ' (best)' : ''}`] : []),
    formatSpeed(timing.examplesPerSecond, counted),
    `${formatSeconds(timing.trainSeconds)} training` +
      (record.valid ? `, ${formatSeconds(timing.validSeconds)} validation` : ''),
  ].join(' | ');
}

/** What a progress line says after a step. */
function progressAfter(
  record: StepRecord,
  place: EpochPlace,
  settings: Settings,
  { batches, counted }: Pick<Progress, 'batches' | 'counted'>,
): Progress {
  const { running } = place;
  const left = Math.min(
    Math.max(0, batches - place.batch) + (settings.epochs - place.epoch - 1) * batches,
    settings.steps - place.step,
  );
  return {
    step: place.step,
    epoch: record.epoch,
    epochs: settings.epochs,
    batch: place.batch,
    batches,
    loss: record.loss,
    examplesPerSecond: running.examples / running.seconds,
    counted,
    secondsLeft: left * (running.seconds / running.batches),
  };
}

/** Makes a {@link Reporter}; with a null output only `log.txt` is written. */
export function createReporter(options: {
  output: Output | null;
  log: LineFile;
  settings: Settings;
  model: Pick<TrainableModel, 'batchCount' | 'counted'>;
}): Reporter {
  const { log, settings, output, model } = options;
  const { counted } = model;
  const display = output ? createDisplay(output) : undefined;
  const toLog = (text: string): void => {
    log.write(`${new Date().toISOString().slice(0, 19)}Z ${text}`);
  };
  const note = (text: string): void => {
    display?.line(text);
    toLog(text);
  };
  return {
    note,
    step(record, place) {
      const progress = progressAfter(record, place, settings, {
        batches: model.batchCount(place.epoch),
        counted,
      });
      display?.progress(progress);
      if (record.step % settings.logEvery !== 0 && record.step !== 1) return;
      const text = formatProgress(progress);
      toLog(text);
      if (output?.isTTY !== true) display?.line(text);
    },
    epoch(record, timing) {
      note(formatEpoch(record, timing, { epochs: settings.epochs, counted }));
    },
    finished({ best, test, reason, epochs, timings }) {
      note(`ended by ${reason} after epoch ${epochs}, ${formatSeconds(timings.totalSeconds)}`);
      const valid = Object.keys(best.valid).length > 0 ? `: valid ${formatMetrics(best.valid)}` : '';
      note(`best epoch ${best.epoch}${valid}`);
      if (test) note(`test ${formatMetrics(test)}`);
    },
    failed(message) {
      display?.clear();
      toLog(`failed: ${message}`);
    },
  };
}
