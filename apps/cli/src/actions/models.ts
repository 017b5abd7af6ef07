// What `ferry models` loads.
export { addModels, models, modelNames } from '../models.ts';
