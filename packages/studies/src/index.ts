export { domainPath, cacheDirectory, openDomain } from './domains.ts';
export { makeDucho, makeEncodings } from './encoderFeatures.ts';
export { domainFeatures, type DomainFeatures, type FeatureProgress } from './features.ts';
export { inspectDomain, type Inspection } from './inspect.ts';
export { inspectNews, type NewsInspection } from './inspectNews.ts';
export { inspectReport } from './inspectReport.ts';
export { StoppedError, type JobConsole } from './jobs/console.ts';
export { runRecipe } from './jobs/runRecipe.ts';
export {
  compareRuns,
  comparisonCorrections,
  comparisonTests,
  type CompareOptions,
  type LineDifference,
  type RunComparison,
} from './jobs/compare.ts';
export { comparisonCsv, comparisonTable, writeComparison } from './jobs/comparisonTable.ts';
export { formatComparison } from './jobs/formatComparison.ts';
export { formatScoredLists, scoreLists, type ScoredLists, type ScoreOptions } from './jobs/score.ts';
export {
  publishedFor,
  publishedNotes,
  publishedTable,
  readPublished,
  type LeftOut,
  type MeasuredOn,
  type Published,
  type PublishedData,
  type PublishedModel,
  type PublishedProtocol,
  type PublishedTable,
} from './published.ts';
export { type Line } from './jobs/lines.ts';
export {
  formatLongtail,
  longtail,
  longtailGroupings,
  longtailSvg,
  longtailTable,
  writeLongtail,
  type Longtail,
  type LongtailGroup,
  type LongtailOptions,
  type LongtailPoint,
} from './jobs/longtail.ts';
export {
  evaluateRun,
  formatEvaluation,
  type Evaluation,
  type EvaluateRunOptions,
  type Submission,
} from './jobs/evaluate.ts';
export {
  formatRecommendation,
  recommend,
  type NamedItem,
  type Recommended,
  type RecommendRequest,
} from './jobs/recommend.ts';
export { followRun, formatFollowed, type Followed } from './jobs/follow.ts';
export {
  formatReplay,
  replayRun,
  type Replay,
  type ReplayedPeriod,
  type ReplayOptions,
} from './jobs/replay.ts';
export { asJson, recipeYaml } from './recipeYaml.ts';
export { checkFilePlace, checkPlace, type Made } from './jobs/place.ts';
export { checkData, importedFile } from './jobs/whatIs.ts';
export { openServing, type ScoredItem, type ServedRun } from './jobs/serving.ts';
export { newsRanker, topPlaces, type NewsRanker } from './jobs/servingNews.ts';
export type { OpenRunOptions } from './jobs/runs.ts';
export { recommenderOf } from './jobs/recommender.ts';
export { isUserItem, type AnyModel } from './jobs/anyModel.ts';
export { runUserItem } from './jobs/userItem.ts';
export { runPretrain } from './jobs/pretrain.ts';
export { pretrainEncoder } from './jobs/pretrainEncoder.ts';
export { runTarget, type TargetRecipe, type TargetResult } from './jobs/target.ts';
export { runJob, startBackend } from './run.ts';
export { interestChart } from './interestChart.ts';
export type { FeaturesRead, RunDetails } from './details.ts';
export { keepRows, keptRows } from './keptRows.ts';
export { listsOf, rankedUsers, type RankedRows, type Ranking } from './rows.ts';
export { studyRun } from './jobs/studyRuns.ts';
export { cellOf, placesOn, samePlace, type Axis, type AxisValue, type Place } from './study/axes.ts';
export {
  type Placed,
  type Planned,
  type PlacedStudy,
  type PlannedComparison,
  type PlannedRun,
  type PlannedTarget,
  type Preparation,
  type StudyDefinition,
  type StudyFindings,
  type StudyPlan,
} from './study/plan.ts';
export { gridStudy, planGrid } from './study/grid.ts';
export {
  effectCell,
  impressionMetrics as impressionValues,
  newsEffects,
  newsEffectTable,
  pairsAlong,
  type Measured,
  type NewsEffect,
  type NewsPair,
} from './study/newsEffects.ts';
export { howTested as testsOfNews } from './study/newsReport.ts';
export {
  type MetricValues,
  type NewsFindings,
  type NewsFloor,
  type NewsSections,
  type NewsTarget,
} from './study/newsTargets.ts';
export { readyStudy, type ReadyStudy } from './study/complete.ts';
export { list } from './study/report.ts';
export {
  coldBelow,
  recallOf,
  spreadOn,
  type Measure,
  type RowChoice,
  type StudyResult,
} from './study/results.ts';
export { runStudy } from './study/run.ts';
export { openElliot, runElliot, type ElliotResult } from './elliot/run.ts';
export { type ModelResult, type TrialResult, type Values } from './elliot/results.ts';
export { type Trial } from './elliot/trials.ts';
