export { drawMarks, dropItems, replacedWords, type DroppedItems } from './augmentation.ts';
export {
  createCatalogue,
  disposeView,
  modalitiesOf,
  withoutModality,
  type Catalogue,
  type DomainFeatures,
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
export { optimizerFor, type OptimizerSettings } from './optimizer.ts';
export { historyLengths, latestItems, longestHistory } from './rows.ts';
export { quotas, sourceBatches, type SourceBatch, type SourceRows } from './sources.ts';
export { runStep, updateWeights } from './step.ts';
