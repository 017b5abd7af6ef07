import type { StudyDefinition } from '@ferry/studies';
import { planTransfer } from './plan.ts';

export { importMissRec } from './import.ts';
export { planTransfer } from './plan.ts';

/** The transfer study: pre-train on source domains, fine-tune on targets. */
export const transferStudy: StudyDefinition = { plan: planTransfer };
