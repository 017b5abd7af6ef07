export { listFields, type Field } from './fields.ts';
export { formatPath, parseRecipe, RecipeError } from './document.ts';
export { readText } from './textFile.ts';
export type { Path, Problem, RecipeDocument } from './document.ts';
export { checkRecipe, madeFrom, problemsOf, readRecipe, rule } from './validate.ts';
export {
  settingsIn,
  withIds,
  type ModelRegistry,
  type ModelSchemas,
  type ObjectiveSchemas,
  type RecipeFacts,
  type Report,
  type Task,
} from './models.ts';
export { checkSplit, distinct, domains, featuresSchema, optimizerOf, type FeatureSettings } from './parts.ts';
export { encoderPretrainingSchema, type EncoderPretraining } from './encoderPretraining.ts';
export {
  imageEncoderSchema,
  textEncoderSchema,
  type ImageEncoderSettings,
  type TextEncoderSettings,
} from './encoders.ts';
export { recipeParts, trainSchemaOf, wholeSchema, type RecipeParts } from './wholeSchema.ts';
export {
  checkStudy,
  finetuneSchema,
  finetuningSchema,
  pretrainingSchema,
  pretrainSchema,
  recipeSchema,
  studyKeys,
  trainSchema,
  type FinetuneRecipe,
  type PretrainRecipe,
  type Recipe,
  type RunRecipe,
  type StudyRecipe,
  type TrainRecipe,
} from './schema.ts';
export { checkAxes, gridKeys, gridSchema, type GridRecipe } from './gridSchema.ts';
export { didYouMean, suggest } from './suggest.ts';
export { withOverrides } from './variants.ts';
export { domainName, isModelFile, modelFilesIn, overridesModel, samePath } from './names.ts';
export { metricNames } from './metricNames.ts';
export { shellCommand, shellWord } from './shell.ts';
export { UserError } from './errors.ts';
export {
  loadRecipe,
  openJob,
  openRecipe,
  recipeNames,
  schemaOf,
  wholeRecipe,
  type LoadedRecipe,
  type RecipeFile,
} from './recipes.ts';
export { type SplitSettings } from './parts.ts';
export { gridPoints, randomPoints, spaceSize, type Dimension, type Point, type Space } from './space.ts';
