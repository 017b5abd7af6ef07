export { missRec, createMissRec, type MissRecModelSettings } from './missRec.ts';
export type { MissRecTypes } from './types.ts';
export {
  completeOptions,
  finetuneSchema,
  missRecOptions,
  missRecSchema,
  presetChoices,
  pretrainSchema,
  type InterestMethod,
  type MissRecOptions,
  type MissRecSettings,
  type Preset,
  type Task,
} from './options.ts';
export { createMissRecParameters, type MissRecParameters } from './parameters.ts';
export { itemTables, type ItemTables, type ItemWeights } from './items.ts';
export {
  missRecFeed,
  type MissRecFeed,
  type MissRecGroup,
  type PackedSlots,
  type ViewGroup,
} from './feeds.ts';
export { encodeSequences, type MissRecQueries } from './model.ts';
export type { ReadyProjections } from './ready.ts';
export { attendOne, type AttendedGroup, type AttendOneOptions, type SplitProjections } from './attendOne.ts';
export {
  candidatesOf,
  foldedCandidates,
  foldedScores,
  fusedScores,
  type Candidates,
  type FoldedCandidates,
} from './fusion.ts';
export { catalogueLoss, inBatchItemLoss, interestRegulariser, sequenceLoss } from './losses.ts';
export {
  finetuneObjective,
  pretrainObjective,
  type FinetuneTerms,
  type ObjectiveInputs,
  type PretrainInputs,
  type PretrainTerms,
} from './objectives.ts';
export { finetuning, pretraining } from './training.ts';
export { discoverInterests, interestSizes, type InterestState } from './interests.ts';
export { importReleased, type ImportedModel, type ImportSettings } from './import/released.ts';
export type { RowMap } from './import/rowMap.ts';
