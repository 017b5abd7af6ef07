import type { StudyDefinition } from '@ferry/studies';
import { fillTransfer, planTransfer } from './plan.ts';
import { transferSchema, type TransferRecipe } from './recipe.ts';

export { importMissRec } from './import.ts';
export { planTransfer } from './plan.ts';
export { transferSchema, type TransferRecipe } from './recipe.ts';

/** The transfer study: pre-train on source domains, fine-tune on targets. */
export const transferStudy: StudyDefinition<TransferRecipe> = {
  schema: transferSchema,
  fill: fillTransfer,
  plan: planTransfer,
};
