export type {
  DomainFacts,
  Examples,
  Explained,
  FoundState,
  InterestSizes,
  LossStep,
  Objective,
  ObjectiveDefinition,
  Preparation,
  Prepared,
  Reason,
  RecipeFacts,
  Report,
  SequentialModel,
  WeightRoles,
} from './contract.ts';
export type {
  Feed,
  FeedGroup,
  FeedPlace,
  ItemVectors,
  ModelTypes,
  Queries,
  SequenceInputs,
  Step,
  VectorModel,
  Which,
} from './types.ts';
export {
  adapt,
  createItemTower,
  createMlp,
  itemTower,
  itemTowerSchema,
  mlp,
  ofItems,
  towerModalities,
  type AdapterParameters,
  type ItemTowerOptions,
  type ItemTowerParameters,
  type ItemTowerSizes,
} from './towers.ts';
export { innerProduct, innerProducts, pickRows } from './vectors.ts';
export { distinctItems, plainFeed, readPositions, type ReadPositions } from './feeds.ts';
export { embedGroups, joinRows, splitRows } from './grouped.ts';
export { bprMax } from './bprMax.ts';
export { adjust, type Adjusted, adjustmentOf, logitAdjustmentSchema } from './logitAdjustment.ts';
export { calibratedPositive, pairwiseBinary, sampledSoftmax } from './losses.ts';
export { drawNegatives } from './negatives.ts';
export { batchColumns, inBatchObjective, type BatchColumns } from './objectives/inBatch.ts';
export { bprMaxObjective } from './objectives/bprMax.ts';
export { binaryObjective, sampledSoftmaxObjective } from './objectives/sampled.ts';
export { catalogueLoss, type CatalogueTargets, softmaxObjective } from './objectives/softmax.ts';
export { lastOnly, type Targets } from './objectives/targets.ts';
export {
  createRecommender,
  itemWeight,
  rowRoles,
  trainedWeights,
  type Recommender,
  type RecommenderSettings,
} from './recommender.ts';
export { createTraining, type RecommenderTraining, type TrainingSettings } from './training.ts';
export {
  createRanking,
  evaluateRecommender,
  type CatalogueRanker,
  type EvaluateOptions,
  type Ranking,
  type Scored,
} from './ranking.ts';
export { recommend, type Recommendation, type RecommendOptions } from './recommend.ts';
export {
  captureRecommender,
  loadRecommender,
  restoreRecommender,
  saveRecommender,
  type StoredRecommender,
} from './checkpoint.ts';
export { transferWeights, type TransferReport } from './transfer.ts';
export { drawMarks, dropItems, replacedWords, type DroppedItems } from './augmentation.ts';
export {
  createCatalogue,
  modalitiesOf,
  withoutModalities,
  type Catalogue,
  type CatalogueView,
  type DomainFeatures,
  type ItemFeatures,
  type FeatureWidths,
  type ItemInputs,
} from './catalogue.ts';
export {
  batchGrouping,
  groupByLength,
  lengthHistogram,
  planGroups,
  roundedUp,
  type GroupedBatch,
  type LengthHistogram,
  type PlannedGroup,
  type RowGroup,
} from './groups.ts';
export { type EncodedCatalogue } from './itemEncoders.ts';
export { blockSource, catalogueSource, type ItemSource } from './itemSource.ts';
export {
  everyInteraction,
  firstOfUsers,
  historyLengths,
  latestItems,
  longestHistory,
  wholeSequences,
} from './rows.ts';
export { quotas, sourceBatches, type SourceBatch, type SourceRows } from './sources.ts';
export { topLists, type ListOptions, type ScoredLists } from './lists.ts';
