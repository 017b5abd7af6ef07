export type { ExtractionProgress, FeatureMatrix, Modality } from './types.ts';
export { encodeNpy, parseNpy, type NumberArray, type TextArray } from './npy.ts';
export { parseNpz } from './npz.ts';
export { featureSummary, presentCount, presentRows } from './matrix.ts';
export { readFeatureFile, type FeatureFileOptions } from './file.ts';
export {
  featureStore,
  readStoredFeatures,
  saveFeatures,
  type FeatureRecord,
  type FeatureStore,
} from './store.ts';
export { loadFeatures, type LoadOptions } from './load.ts';
