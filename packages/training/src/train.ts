import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '@ferry/data';
import { RandomStream } from '@ferry/engine';
import { checkpointName, checkpointsOf, readCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { isOver, stoppingStart } from './earlyStopping.ts';
import {
  chosenMetric,
  closeEpoch,
  finish,
  type Job,
  NonFiniteError,
  save,
  trainEpoch,
  writeRecord,
} from './epoch.ts';
import { WriteError, writing } from './files.ts';
import { acquireLock } from './lock.ts';
import { settingsOf } from './options.ts';
import type { Settings, TrainingOptions } from './options.ts';
import { type EndReason, noSums, readSummary, type Summary, type TrainingState } from './records.ts';
import { createReporter } from './reporter.ts';
import { normalise, openFiles, openRun, removeSummary } from './runDirectory.ts';
import type { Identity, RunFiles } from './runDirectory.ts';
import { listenForStop } from './stopRequest.ts';
import { restoreModel } from './tensors.ts';

/** How {@link runTraining} ended. */
export type TrainingResult =
  | {
      /** Training ran to its end. */
      readonly status: 'finished';
      /** As in `summary.json`. */
      readonly summary: Summary;
    }
  | {
      /** Someone asked to stop; a checkpoint was saved. */
      readonly status: 'interrupted';
      /** A signal's name, or `abort`. */
      readonly by: string;
      /** Steps completed. */
      readonly step: number;
      /** Folder of the checkpoint. */
      readonly checkpoint: string;
    };

function initialState(identity: Identity): TrainingState {
  return {
    format: 1,
    step: 0,
    epoch: 0,
    batch: 0,
    random: RandomStream.fromSeed(identity.seed).state(),
    running: noSums,
    stopping: stoppingStart,
    best: null,
    kept: [],
    positions: {},
    seconds: 0,
    recipe: identity.recipe,
    fingerprint: identity.fingerprint,
  };
}

/** Why training is over in this state; undefined if it is not. Never in the middle of an epoch. */
function endOf(state: TrainingState, settings: Settings): EndReason | undefined {
  if (state.batch !== 0) return undefined;
  // Whoever gives a finished run more patience lets it go on.
  if (isOver(state.stopping.waited, settings.rule, settings.patience)) return 'early stopping';
  if (state.epoch >= settings.epochs) return 'epochs';
  if (state.step >= settings.steps) return 'steps';
  const least = settings.least(state.epoch);
  if (least === undefined || !state.best) return undefined;
  return chosenMetric(state.best.valid, settings.metric) < least ? 'search' : undefined;
}

function interrupted<B>(job: Job<B>, state: TrainingState, by: string): TrainingResult {
  const checkpoint = join(checkpointsOf(job.options.directory), checkpointName(state.step));
  job.reporter.note(`stopped by ${by} after step ${state.step}; saved ${checkpoint}`);
  if (job.options.resumeCommand !== undefined)
    job.reporter.note(`to go on from there: ${job.options.resumeCommand}`);
  return { status: 'interrupted', by, step: state.step, checkpoint };
}

async function trainToEnd<B>(job: Job<B>, start: TrainingState, resumed: boolean): Promise<TrainingResult> {
  const { settings, request } = job;
  let state = start;
  let saved = resumed ? start : undefined;
  const savePlace = async (place: Partial<TrainingState>): Promise<void> => {
    state = { ...state, ...place };
    const previous = saved;
    saved = await save(job, state, previous);
    state = saved;
  };
  try {
    for (let end = endOf(state, settings); ; end = endOf(state, settings)) {
      if (end !== undefined) return { status: 'finished', summary: await finish(job, state, end) };
      const by = request.reason();
      // Between epochs everything is saved already, but before the first there is nothing to go on from.
      if (by !== undefined && saved) return interrupted(job, state, by);
      const { place, stopped } = await trainEpoch(job.options.model, state, job.root, {
        lastStep: settings.steps,
        stepsAhead: settings.stepsAhead,
        pauseEvery: settings.checkpointEvery,
        onStep(record, at) {
          if (record.step % settings.logEvery === 0 || record.step === 1) writeRecord(job, record);
          job.reporter.step(record, at);
        },
        async between(at) {
          const stop = request.reason() !== undefined;
          if (stop || at.step % settings.checkpointEvery === 0) await savePlace(at);
          return stop;
        },
      });
      if (stopped) return interrupted(job, state, request.reason() ?? 'request');
      await savePlace(await closeEpoch(job, { ...state, ...place }));
    }
  } catch (error) {
    throw withLastGood(job, error, saved);
  }
}

/** Adds to an error what was saved before it, and writes it to the log if that can still be written. */
function withLastGood<B>(job: Job<B>, error: unknown, saved: TrainingState | undefined): unknown {
  if (!(error instanceof Error)) return error;
  const { directory, resumeCommand } = job.options;
  const checkpoint = saved && join(checkpointsOf(directory), checkpointName(saved.step));
  if (error instanceof NonFiniteError)
    error.message +=
      `; last good checkpoint: ${checkpoint ?? 'none'}. Resuming would repeat the same numbers: ` +
      'start in another directory with a smaller learning rate, or look at the data';
  else if (error instanceof WriteError)
    error.message +=
      `; last good checkpoint: ${checkpoint ?? 'none'}, untouched. ` +
      `${error.full ? 'Free some space' : 'See to that'}, then go on` +
      (resumeCommand === undefined ? '' : ` with: ${resumeCommand}`);
  try {
    job.reporter.failed(error.message);
  } catch (second) {
    if (!(second instanceof WriteError)) throw second;
  }
  return error;
}

async function trainLocked<B>(options: TrainingOptions<B>, settings: Settings): Promise<TrainingResult> {
  const { directory, model } = options;
  const identity: Identity = {
    recipe: normalise(options.recipe),
    mayDiffer: options.mayDiffer ?? [],
    readSaved: options.readSaved ?? ((saved) => saved),
    seed: options.seed,
    fingerprint: options.fingerprint ?? null,
    files: options.files ?? {},
  };
  const fresh = initialState(identity);
  const { checkpoint, notes } = await openRun(directory, identity, options.fallback ?? false);
  let state = checkpoint ? { ...checkpoint.state, recipe: identity.recipe } : fresh;
  if (state.epoch > settings.epochs)
    throw new Error(
      `${directory} has done ${state.epoch} epochs: epochs can be raised, not lowered, got ${settings.epochs}`,
    );
  const summary = readSummary(directory);
  if (checkpoint && summary && state.best && summary.steps === state.step && endOf(state, settings)) {
    const best = await readCheckpoint(join(checkpointsOf(directory), state.best.checkpoint));
    await restoreModel(model, best, best.path, false);
    return { status: 'finished', summary };
  }
  if (checkpoint) await restoreModel(model, checkpoint, checkpoint.path);
  if (checkpoint && summary) {
    // The seconds of a finished run's test are told by its summary alone, which goes.
    state = { ...state, seconds: summary.timings.totalSeconds };
    await saveCheckpoint(checkpointsOf(directory), checkpoint, state);
  }
  removeSummary(directory);
  const files = openFiles(directory, state.positions);
  const reporter = createReporter({
    output: options.output === undefined ? process.stderr : options.output,
    log: files.log,
    settings,
    model,
  });
  const request = listenForStop(options.handleSignals ?? true, options.signal, (by) => {
    reporter.note(`${by}: finishing the step, then saving; once more ends at once, without saving`);
  });
  try {
    if (checkpoint) reporter.note(`resumed from ${checkpoint.path} (step ${state.step})`);
    for (const note of notes) reporter.note(note);
    const root = RandomStream.restore(state.random);
    return await trainToEnd(
      { options, settings, files, reporter, request, root },
      state,
      checkpoint !== undefined,
    );
  } finally {
    request.dispose();
    for (const file of Object.values(files) as RunFiles[keyof RunFiles][]) file.close();
  }
}

/**
 * Trains a model in a run directory, from its beginning or from its last checkpoint, to its end.
 *
 * The directory then holds `recipe.yaml`, `environment.json`, `metrics.jsonl`, `timings.jsonl`, `log.txt`,
 * `checkpoints/` and, once finished, `summary.json`. A run killed at any moment and run again gives, on the same
 * machine and backend, the same bytes in `metrics.jsonl` as one that was not: state, data order and randomness depend
 * on the seed and the step only, and files that grow are cut back to where the checkpoint left them. A finished run is
 * not trained again, unless it is given more epochs or more patience (where `mayDiffer` lets them differ): then it goes
 * on, to the same numbers as a run that had them from the start.
 *
 * On return the model holds the best checkpoint's weights, or, if interrupted, the last ones.
 *
 * @throws {@link NonFiniteError} if a loss, a logged scalar or a weight is not finite.
 * @throws {@link WriteError} if the disk is full; what was saved before is untouched.
 * @throws Error if another process uses the directory, or it belongs to another recipe, seed or data, or its newest
 * checkpoint is damaged.
 */
export async function runTraining<B>(options: TrainingOptions<B>): Promise<TrainingResult> {
  const settings = settingsOf(options);
  if (!existsSync(options.directory))
    writing(options.directory, () => {
      makeDirectory(options.directory);
    });
  const lock = acquireLock(options.directory);
  try {
    return await trainLocked(options, settings);
  } finally {
    lock.release();
  }
}
