import { join } from 'node:path';
import type { RandomStream } from '@ferry/engine';
import { checkpointName, checkpointsOf, keepOnly, readCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { updateStopping } from './earlyStopping.ts';
import { replaceFile } from './files.ts';
import type { StepResult, TrainableModel } from './model.ts';
import type { Settings, TrainingOptions } from './options.ts';
import {
  addStep,
  type EndReason,
  type EpochPlace,
  type EpochRecord,
  type MetricsRecord,
  noSums,
  type StepRecord,
  summarise,
  type Summary,
  type TrainingState,
} from './records.ts';
import type { Reporter } from './reporter.ts';
import { type RunFiles, syncFiles } from './runDirectory.ts';
import type { StopRequest } from './stopRequest.ts';
import { captureModel, firstNonFinite, restoreModel } from './tensors.ts';

/** What the trainer does around steps. */
export interface EpochHooks {
  /** Total steps after which the epoch is closed. */
  readonly lastStep: number;
  /** Steps that may be begun before the losses of those before them are read. */
  readonly stepsAhead: number;
  /** Total steps at whose multiples every loss is read, and {@link EpochHooks.between} is called. */
  readonly pauseEvery: number;
  /** Called after each step. */
  onStep(record: StepRecord, place: EpochPlace): void;
  /** Called between steps whose losses were read, never after the last of an epoch: whether to stop here. May save. */
  between(place: EpochPlace): Promise<boolean>;
}

/** The loss, a scalar or a weight ceased to be a number. */
export class NonFiniteError extends Error {
  /** `NonFiniteError`. */
  override readonly name = 'NonFiniteError';
  /** Steps completed when it was seen, the failing one included. */
  readonly step: number;

  /** Says what is not finite, where, and what is left. */
  constructor(what: string, step: number, epoch: number) {
    super(`${what} at step ${step} (epoch ${epoch})`);
    this.step = step;
  }
}

/** Lets the event loop run, so that signals and timers arrive between steps. */
function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function refuseNonFinite(record: StepRecord): void {
  if (!Number.isFinite(record.loss))
    throw new NonFiniteError(`the loss is ${record.loss}`, record.step, record.epoch);
  for (const [name, value] of Object.entries(record.scalars ?? {}))
    if (!Number.isFinite(value)) throw new NonFiniteError(`'${name}' is ${value}`, record.step, record.epoch);
}

/**
 * Batches from a place onwards. The batches before it are made and dropped, so that the stream stands where it stood.
 */
function startAt<B>(model: TrainableModel<B>, place: EpochPlace, random: RandomStream): Iterator<B> {
  const iterator = model.batches(place.epoch, random)[Symbol.iterator]();
  for (let i = 0; i < place.batch; i++)
    if (iterator.next().done === true)
      throw new Error(
        `runTraining: epoch ${place.epoch + 1} must have more than ${i} batches to be resumed after batch ` +
          `${place.batch}: the data changed`,
      );
  return iterator;
}

/**
 * Steps that are begun one behind the other before a loss is read: a device goes on computing while the host prepares
 * what it is given next.
 */
function begin<B>(
  model: TrainableModel<B>,
  batches: { next: IteratorResult<B>; readonly iterator: Iterator<B> },
  place: EpochPlace,
  { random, hooks }: { random: RandomStream; hooks: EpochHooks },
): { steps: Promise<StepResult>[]; last: boolean } {
  const steps: Promise<StepResult>[] = [];
  for (;;) {
    const context = { step: place.step + steps.length, epoch: place.epoch, random };
    const batch = batches.next.value as B;
    steps.push((async () => model.trainStep(batch, context))());
    // One batch ahead: whether this was the last must be known before a checkpoint between batches is saved.
    batches.next = batches.iterator.next();
    const done = place.step + steps.length;
    const last = batches.next.done === true || done >= hooks.lastStep;
    if (last || steps.length >= hooks.stepsAhead || done % hooks.pauseEvery === 0) return { steps, last };
  }
}

/**
 * Trains through an epoch, or through what is left of it.
 *
 * @param root - The run's stream; an epoch's randomness depends on it and on the epoch's number only.
 * @returns Where it stands after it, and whether it was stopped in between.
 */
export async function trainEpoch<B>(
  model: TrainableModel<B>,
  start: EpochPlace,
  root: RandomStream,
  hooks: EpochHooks,
): Promise<{ place: EpochPlace; stopped: boolean }> {
  const random = root.split('epoch', start.epoch);
  let place = start;
  let began = performance.now();
  if (start.batch === 0) {
    place = { ...place, running: noSums };
    await model.beforeEpoch?.(start.epoch, random.split('before'));
  }
  const iterator = startAt(model, start, random.split('batches'));
  const stepRandom = root.split('step');
  const batches = { iterator, next: iterator.next() };
  if (batches.next.done === true)
    throw new Error(
      `runTraining: epoch ${start.epoch + 1} must have a batch after batch ${start.batch}, got none`,
    );
  for (;;) {
    const { steps, last } = begin(model, batches, place, { random: stepRandom, hooks });
    const results = await Promise.allSettled(steps);
    await breathe();
    const now = performance.now();
    const seconds = (now - began) / 1000 / steps.length;
    began = now;
    for (const result of results) {
      if (result.status === 'rejected') throw result.reason;
      const { loss, examples, scalars } = result.value;
      const [step, epoch] = [place.step + 1, place.epoch + 1];
      const record: StepRecord = { kind: 'step', step, epoch, loss, scalars };
      refuseNonFinite(record);
      const running = addStep(place.running, { loss, examples, scalars: scalars ?? {}, seconds });
      place = { step, epoch: place.epoch, batch: place.batch + 1, running };
      hooks.onStep(record, place);
    }
    if (last) break;
    if (await hooks.between(place)) {
      iterator.return?.();
      return { place, stopped: true };
    }
    began = performance.now();
  }
  iterator.return?.();
  return { place, stopped: false };
}

/** What one sitting of a run works with. */
export interface Job<B> {
  /** What the caller asked for. */
  readonly options: TrainingOptions<B>;
  /** With defaults in place. */
  readonly settings: Settings;
  /** The growing files. */
  readonly files: RunFiles;
  /** Screen and log. */
  readonly reporter: Reporter;
  /** Whether to stop. */
  readonly request: StopRequest;
  /** The run's stream. */
  readonly root: RandomStream;
}

/** Appends a line to `metrics.jsonl`. */
export function writeRecord<B>(job: Job<B>, record: MetricsRecord): void {
  job.files.metrics.write(JSON.stringify(record));
}

/** Saves a checkpoint of the present weights and deletes those that are no longer needed. */
export async function save<B>(
  job: Job<B>,
  state: TrainingState,
  previous: TrainingState | undefined,
): Promise<TrainingState> {
  const folder = checkpointsOf(job.options.directory);
  const stored = await captureModel(job.options.model);
  const bad = firstNonFinite(stored);
  if (bad !== undefined)
    throw new NonFiniteError(`'${bad}' holds a value that is not finite`, state.step, state.epoch);
  const saved: TrainingState = { ...state, positions: syncFiles(job.files) };
  const name = await saveCheckpoint(folder, stored, saved);
  // The one before stays, with the best one it names: a damaged newest checkpoint then costs little.
  const keep = new Set([name, ...saved.kept]);
  for (const each of [saved, previous]) {
    if (!each) continue;
    if (each.step > 0) keep.add(checkpointName(each.step));
    if (each.best) keep.add(each.best.checkpoint);
  }
  keepOnly(folder, keep);
  return saved;
}

/** A metric by its name, whatever the case of its letters. */
export function chosenMetric(metrics: Readonly<Record<string, number>>, name: string): number {
  const found = Object.entries(metrics).find(([key]) => key.toLowerCase() === name);
  if (!found)
    throw new Error(
      `runTraining: early stopping needs metric '${name}', evaluate('valid') gave ${Object.keys(metrics).join(', ')}`,
    );
  return found[1];
}

async function evaluate<B>(job: Job<B>, split: 'valid' | 'test'): Promise<Record<string, number>> {
  const metrics = (await job.options.model.evaluate?.(split)) ?? {};
  for (const [name, value] of Object.entries(metrics))
    if (!Number.isFinite(value))
      throw new Error(`runTraining: ${split} ${name} must be finite, got ${value}`);
  return metrics;
}

/** Validates, writes the epoch's records and chooses the best checkpoint. The result is to be saved. */
export async function closeEpoch<B>(job: Job<B>, state: TrainingState): Promise<TrainingState> {
  const { model, onEpoch } = job.options;
  const { running, step } = state;
  const epoch = state.epoch + 1;
  const last = epoch >= job.settings.epochs || step >= job.settings.steps;
  const validates = model.evaluate !== undefined && (last || epoch % job.settings.validateEvery === 0);
  const began = performance.now();
  const valid = validates ? await evaluate(job, 'valid') : {};
  const validSeconds = (performance.now() - began) / 1000;
  let { stopping, best } = state;
  let improved = model.evaluate === undefined;
  if (validates) {
    const { metric, rule, patience } = job.settings;
    ({ state: stopping, improved } = updateStopping(stopping, chosenMetric(valid, metric), rule, patience));
  }
  if (improved) best = { checkpoint: checkpointName(step), epoch, step, valid };
  const means = Object.entries(running.weightedScalars).map(([name, sum]) => [name, sum / running.examples]);
  const record: EpochRecord = {
    kind: 'epoch',
    step,
    epoch,
    batches: running.batches,
    examples: running.examples,
    loss: running.weightedLoss / running.examples,
    lossSum: running.loss,
    ...(means.length > 0 && { scalars: Object.fromEntries(means) as Record<string, number> }),
    ...(validates && { valid, best: improved }),
  };
  const timing = {
    epoch,
    trainSeconds: running.seconds,
    validSeconds,
    examplesPerSecond: running.examples / running.seconds,
  };
  writeRecord(job, record);
  job.files.timings.write(JSON.stringify(timing));
  job.reporter.epoch(record, timing);
  onEpoch?.(record);
  const keeps = epoch % job.settings.keepEvery === 0;
  return {
    ...state,
    epoch,
    batch: 0,
    running: noSums,
    stopping,
    best,
    kept: keeps ? [...state.kept, checkpointName(step)] : state.kept,
    seconds: state.seconds + running.seconds + validSeconds,
  };
}

/** Tests the best checkpoint and writes the summary. Leaves the best weights in the model. */
export async function finish<B>(job: Job<B>, state: TrainingState, reason: EndReason): Promise<Summary> {
  const { directory, model, test = true } = job.options;
  const best = state.best!;
  const checkpoint = await readCheckpoint(join(checkpointsOf(directory), best.checkpoint));
  await restoreModel(model, checkpoint, checkpoint.path, false);
  const began = performance.now();
  const metrics = test && model.evaluate ? await evaluate(job, 'test') : null;
  const testSeconds = (performance.now() - began) / 1000;
  if (metrics) writeRecord(job, { kind: 'test', step: best.step, epoch: best.epoch, test: metrics });
  const summary = summarise({ directory, model, state, best, reason, test: metrics, testSeconds });
  job.reporter.finished(summary);
  syncFiles(job.files);
  replaceFile(join(directory, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  return summary;
}
