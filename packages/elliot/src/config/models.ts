import { contentModels } from './contentModels.ts';
import { fittedModels } from './fittedModels.ts';
import type { ElliotModel } from './model.ts';
import { trainedModels } from './trainedModels.ts';

/** The models of Elliot's configurations that Ferry has, by Elliot's names. */
export const elliotModels: Readonly<Record<string, ElliotModel>> = {
  ...fittedModels,
  ...trainedModels,
  ...contentModels,
};
