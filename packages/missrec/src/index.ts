export {
  missRecOptions,
  presetChoices,
  type InterestMethod,
  type MissRecOptions,
  type MissRecSettings,
  type Preset,
  type Task,
} from './options.ts';
export {
  createMissRecParameters,
  trainableWeights,
  type MissRecParameters,
  type Tuning,
} from './parameters.ts';
export {
  encodeSequences,
  itemTables,
  type EncodedSequences,
  type ItemTables,
  type PackedSlots,
  type SequenceInputs,
} from './model.ts';
export { attendOne, type AttendedGroup, type AttendOneOptions } from './attendOne.ts';
export { candidatesOf, fusedScores, type Candidates } from './fusion.ts';
export { catalogueLoss, inBatchItemLoss, interestRegulariser, sequenceLoss } from './losses.ts';
export {
  finetuneObjective,
  pretrainObjective,
  type FinetuneTerms,
  type ObjectiveInputs,
  type PretrainInputs,
  type PretrainTerms,
} from './objectives.ts';
export { discoverInterests, interestSizes, type InterestState } from './interests.ts';
export {
  createMissRecModel,
  transferWeights,
  type MissRecModel,
  type MissRecModelSettings,
  type TransferReport,
} from './session.ts';
export { createFinetuning, type FinetuneSettings } from './finetune.ts';
export { type MissRecTraining } from './training.ts';
export { createPretraining, type PretrainSettings } from './pretrain.ts';
export {
  createRanking,
  evaluateModel,
  type EvaluateOptions,
  type Ranker,
  type RankingFunctions,
  type ScoredSequences,
} from './rank.ts';
export { recommend, type FiredInterest, type Recommendation, type RecommendOptions } from './recommend.ts';
export {
  captureMissRec,
  loadMissRec,
  restoreMissRec,
  saveMissRec,
  type StoredMissRec,
} from './checkpoint.ts';
export { importReleased, type ImportedModel, type ImportSettings } from './import/released.ts';
export type { RowMap } from './import/rowMap.ts';
