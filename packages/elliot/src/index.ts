export { pickRatings, readRatings, writeRatings, type Ratings } from './ratings.ts';
export { splitRatings, type Parts, type Splitting } from './splits.ts';
export { filterRatings, type Filter } from './filters.ts';
export { readElliotConfig, type ElliotConfig, type ElliotData, type ElliotModelRun } from './config/read.ts';
export { elliotModels } from './config/models.ts';
export { elliotName, type ElliotModality, type ElliotModel, type ModelRecipe } from './config/model.ts';
export type { ParameterRule, Shortcut } from './config/model.ts';
export type { Supported } from './config/schema.ts';
export { elliotFolds, type ElliotFold } from './folds.ts';
