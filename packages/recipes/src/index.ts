export { listFields, type Field } from './fields.ts';
export { RecipeError, type Problem } from './document.ts';
export { readRecipe } from './validate.ts';
export { featuresSchema } from './parts.ts';
export { trainSchema, trainSchemaOf, type ModelSchemas } from './trainSchema.ts';
export {
  finetuneSchema,
  pretrainSchema,
  recipeSchema,
  studySchema,
  studyStarts,
  type FeatureSettings,
  type FinetuneRecipe,
  type PretrainRecipe,
  type Recipe,
  type StudyRecipe,
  type TrainRecipe,
} from './schema.ts';
export { didYouMean, suggest } from './suggest.ts';
export { withOverrides } from './variants.ts';
export { domainName, samePath } from './names.ts';
export { metricNames } from './metricNames.ts';
export { shellCommand, shellWord } from './shell.ts';
export { UserError } from './errors.ts';
export { loadJob, loadRecipe, recipeNames, type LoadedRecipe } from './recipes.ts';
