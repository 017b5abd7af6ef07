/** What the command line needs to parse and to help: no tensors are loaded through here. */
export { listFields, type Field } from './config/fields.ts';
export { RecipeError, type Problem } from './config/document.ts';
export { readRecipe } from './config/validate.ts';
export {
  finetuneSchema,
  pretrainSchema,
  recipeSchema,
  studySchema,
  type FinetuneRecipe,
  type PretrainRecipe,
  type Recipe,
  type StudyRecipe,
} from './config/schema.ts';
export { didYouMean } from './config/suggest.ts';
export { UserError } from './errors.ts';
export { loadJob, loadRecipe, recipeNames, recipesDirectory, type LoadedRecipe } from './recipes.ts';
