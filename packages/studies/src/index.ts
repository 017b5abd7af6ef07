export { cacheDirectory, domainDirectory, openDomain } from './domains.ts';
export { describeFeatures, domainFeatures, type DomainFeatures, type FeatureProgress } from './features.ts';
export { inspectDomain, type Inspection } from './inspect.ts';
export { StoppedError, type JobConsole } from './jobs/console.ts';
export { recipeYaml, runRecipe } from './jobs/runs.ts';
export { evaluateRun, formatEvaluation, type Evaluation, type EvaluateRunOptions } from './jobs/evaluate.ts';
export {
  formatRecommendation,
  recommend,
  type NamedItem,
  type Recommended,
  type RecommendRequest,
} from './jobs/recommend.ts';
export { asJson } from './jobs/train.ts';
export { importedFile } from './jobs/weights.ts';
export { runJob } from './run.ts';
export { runStudy } from './study/run.ts';
