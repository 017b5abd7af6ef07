import { RandomStream } from '@ferry/engine';
import type { TrainableModel } from './model.ts';
import { addStep, noSums } from './state.ts';
import type { RunningSums } from './state.ts';
import type { StepRecord } from './records.ts';

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

/** What the trainer does around steps. */
export interface EpochHooks {
  /** Total steps after which the epoch is closed. */
  readonly lastStep: number;
  /** Called after each step. */
  onStep(record: StepRecord, place: EpochPlace): void;
  /** Called between steps, never after the last of an epoch: whether to stop here. May save. */
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

/** Batches from a place onwards. The batches before it are made and dropped, so that the stream stands where it stood. */
function startAt<B>(model: TrainableModel<B>, place: EpochPlace, random: RandomStream): Iterator<B> {
  const iterator = model.batches(place.epoch, random)[Symbol.iterator]();
  for (let i = 0; i < place.batch; i++)
    if (iterator.next().done === true)
      throw new Error(
        `runTraining: epoch ${place.epoch + 1} must have more than ${i} batches to be resumed after batch ${place.batch}: the data changed`,
      );
  return iterator;
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
  let next = iterator.next();
  if (next.done === true)
    throw new Error(
      `runTraining: epoch ${start.epoch + 1} must have a batch after batch ${start.batch}, got none`,
    );
  for (;;) {
    const context = { step: place.step, epoch: place.epoch, random: stepRandom };
    const { loss, sequences, scalars } = await model.trainStep(next.value, context);
    const record: StepRecord = { kind: 'step', step: place.step + 1, epoch: place.epoch + 1, loss, scalars };
    refuseNonFinite(record);
    // One batch ahead: whether this was the last must be known before a checkpoint between batches is saved.
    next = iterator.next();
    await breathe();
    const now = performance.now();
    const seconds = (now - began) / 1000;
    began = now;
    place = {
      step: place.step + 1,
      epoch: place.epoch,
      batch: place.batch + 1,
      running: addStep(place.running, { loss, sequences, scalars: scalars ?? {}, seconds }),
    };
    hooks.onStep(record, place);
    if (next.done === true || place.step >= hooks.lastStep) break;
    if (await hooks.between(place)) {
      iterator.return?.();
      return { place, stopped: true };
    }
    began = performance.now();
  }
  iterator.return?.();
  return { place, stopped: false };
}
