export type { Split, StateArray, StepContext, StepResult, TrainableModel } from './model.ts';
export { runTraining, type TrainingResult } from './train.ts';
export type { TrainingOptions } from './options.ts';
export {
  roundMetric,
  stoppingStart,
  updateStopping,
  type EarlyStopping,
  type StoppingRule,
  type StoppingState,
  type StoppingUpdate,
} from './earlyStopping.ts';
export { optimizerFor, type OptimizerSettings } from './optimizer.ts';
export { runStep, updateWeights } from './step.ts';
export { NonFiniteError } from './epoch.ts';
export {
  checkpointsOf,
  DamagedCheckpointError,
  listCheckpoints,
  openCheckpoint,
  verifyCheckpoint,
  type Checkpoint,
} from './checkpoint.ts';
export { restoreModel, type StoredModel } from './tensors.ts';
export {
  carryWeights,
  namedKinds,
  type CarriedRows,
  type NamedTables,
  type NamedWeights,
  type RowNames,
  type RowRoles,
  type TableRows,
} from './namedRows.ts';
export type { BestCheckpoint, RunningSums, TrainingState } from './records.ts';
export {
  median,
  readMetrics,
  readSummary,
  readTimings,
  type EndReason,
  type EpochRecord,
  type MetricsRecord,
  type StepRecord,
  type Summary,
  type TestRecord,
  type TimingRecord,
} from './records.ts';
export { listRows, readRows, writeRows, type RowArray, type RowFile } from './rowFiles.ts';
export { readJson, replaceFile, WriteError } from './files.ts';
export { createDisplay, formatCount, formatProgress, formatSeconds, formatSpeed } from './progress.ts';
export type { Display, Output, Progress } from './progress.ts';
export { describeEnvironment } from './environment.ts';
export { acquireLock, type Lock } from './lock.ts';
export { differences, toYaml, type Difference, type Json, type JsonObject } from './json.ts';
export type { ItemEncoder, ItemEncoders } from './encoders/itemEncoder.ts';
export { encodedVectors, encoderParameters, frozenEncoderWeights } from './encoders/itemEncoders.ts';
export { arrayTable, stackedTables, tableTensors, type ItemTable } from './encoders/itemTable.ts';
export { createMicroBatches, type MicroBatches, type MicroBatchSettings } from './encoders/microBatches.ts';
