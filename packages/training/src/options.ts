import { tensorsOnDevice } from '@ferry/engine';
import type { EarlyStopping, StoppingRule } from './earlyStopping.ts';
import type { Json, JsonObject } from './json.ts';
import type { TrainableModel } from './model.ts';
import type { Output } from './progress.ts';
import type { EpochRecord } from './records.ts';

/**
 * What {@link runTraining} is told.
 *
 * @typeParam B - A batch of the model.
 */
export interface TrainingOptions<B> {
  /** The run directory; made if absent, resumed if it holds a checkpoint. */
  readonly directory: string;
  /** The resolved recipe: saved as `recipe.yaml`; a directory that was begun with another one is refused. */
  readonly recipe: JsonObject;
  /** Paths of recipe keys that may differ on resuming, such as `training.epochs`, with all below them. */
  readonly mayDiffer?: readonly string[];
  /**
   * How a recipe saved in the directory reads today, where keys were added or written otherwise since; it is compared
   * with `recipe`. Default: as it stands.
   */
  readonly readSaved?: (saved: JsonObject) => JsonObject;
  /**
   * JSON files that the directory keeps, by name: written when the run begins; when it goes on, where one is missing.
   */
  readonly files?: Readonly<Record<string, Json>>;
  /** What is trained. */
  readonly model: TrainableModel<B>;
  /** Seed of all randomness in training. */
  readonly seed: number;
  /** Most epochs. */
  readonly epochs: number;
  /** Most steps; the epoch they end in is closed early. Default: no bound. */
  readonly steps?: number;
  /** Choice of the best checkpoint and early stopping; needs `model.evaluate`. */
  readonly earlyStopping?: EarlyStopping;
  /** Epochs from one validation to the next; the last epoch is always validated. Default 1. */
  readonly validateEvery?: number;
  /**
   * Steps from one checkpoint to the next within an epoch; there is one after each epoch in any case. Default: no
   * others.
   */
  readonly checkpointEvery?: number;
  /** Also keep for good the checkpoint of every so many epochs. Default: only those that are needed. */
  readonly keepEvery?: number;
  /** Steps from one logged step to the next. The first step is always logged. Default 10. */
  readonly logEvery?: number;
  /** Whether to evaluate the best checkpoint on the test split at the end. Default true. */
  readonly test?: boolean;
  /** Identifies the data, such as a hash of its files; a run begun on other data is refused. */
  readonly fingerprint?: string;
  /** Whether a damaged newest checkpoint is put aside and the one before it resumed from. Default false: an error. */
  readonly fallback?: boolean;
  /** The command that resumes this run, shown when it is interrupted. */
  readonly resumeCommand?: string;
  /** Where progress is shown; null for nowhere. Default `process.stderr`. */
  readonly output?: Output | null;
  /** Whether SIGINT and SIGTERM save and stop. Default true. */
  readonly handleSignals?: boolean;
  /**
   * Steps that may be begun before the losses of those before them are read. Default 8 where tensors stay on a device,
   * which each reading stops; else 1. The numbers are the same.
   */
  readonly stepsAhead?: number;
  /** Saves and stops when aborted. */
  readonly signal?: AbortSignal;
  /** Called with each epoch's record. */
  readonly onEpoch?: (record: EpochRecord) => void;
}

/** {@link TrainingOptions} with defaults in place. */
export interface Settings {
  /** See {@link TrainingOptions}. */
  readonly epochs: number;
  /** Infinity for no bound. */
  readonly steps: number;
  /** In lower case. */
  readonly metric: string;
  /** See {@link EarlyStopping}. */
  readonly rule: StoppingRule;
  /** See {@link EarlyStopping}. */
  readonly patience: number | null;
  /** See {@link EarlyStopping}. */
  readonly least: NonNullable<EarlyStopping['least']>;
  /** See {@link TrainingOptions}. */
  readonly validateEvery: number;
  /** Infinity for no others. */
  readonly checkpointEvery: number;
  /** Infinity for none. */
  readonly keepEvery: number;
  /** See {@link TrainingOptions}. */
  readonly logEvery: number;
  /** See {@link TrainingOptions}. */
  readonly stepsAhead: number;
}

const STEPS_AHEAD_OF_A_DEVICE = 8;

/** Puts defaults in place and checks numbers, all at once. */
export function settingsOf<B>(options: TrainingOptions<B>): Settings {
  const counts = {
    epochs: options.epochs,
    steps: options.steps ?? Infinity,
    validateEvery: options.validateEvery ?? 1,
    checkpointEvery: options.checkpointEvery ?? Infinity,
    keepEvery: options.keepEvery ?? Infinity,
    logEvery: options.logEvery ?? 10,
    stepsAhead: options.stepsAhead ?? (tensorsOnDevice() ? STEPS_AHEAD_OF_A_DEVICE : 1),
  };
  const patience = options.earlyStopping?.patience === undefined ? 10 : options.earlyStopping.patience;
  const wrong = Object.entries(counts)
    .filter(([name, n]) => !(Number.isInteger(n) && n >= 1) && !(n === Infinity && name !== 'epochs'))
    .map(([name, n]) => `${name} must be a positive integer, got ${n}`);
  if (patience !== null && !(Number.isInteger(patience) && patience >= 0))
    wrong.push(`patience must be a whole number of at least 0, got ${patience}`);
  if (wrong.length > 0) throw new RangeError(`runTraining: ${wrong.join('; ')}`);
  return {
    ...counts,
    metric: (options.earlyStopping?.metric ?? 'ndcg@10').toLowerCase(),
    rule: options.earlyStopping?.rule ?? 'released',
    patience,
    least: options.earlyStopping?.least ?? (() => undefined),
  };
}
