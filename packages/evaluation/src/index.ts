export { baselineScores, historyCounts, itemCosine, markov, popularity, type Baseline } from './baselines.ts';
export { contentNeighbours, type ContentNeighbours, type ItemFeature } from './contentNeighbours.ts';
export { easeBaseline, easeMostItems, easeRegularisation, easeWeights, type EaseOptions } from './ease.ts';
export { invertPanels, panelsOf, type Panel, type Panels } from './symmetricInverse.ts';
export {
  createBlockScorer,
  type BlockScorer,
  type BlockScorerOptions,
  type CandidateBlocks,
  type QueryBatch,
  type TopItems,
} from './blockScorer.ts';
export {
  choosingMetrics,
  elliotMetrics,
  elliotValue,
  type ElliotInputs,
  type ElliotValue,
} from './elliotMetrics.ts';
export { exclusionLists } from './exclusion.ts';
export {
  evaluateRanking,
  ROWS_TOGETHER,
  type MaskedBatch,
  type Ranker,
  type RankingOptions,
  type RankingResult,
  type Scores,
} from './evaluate.ts';
export {
  beyondAccuracy,
  exposureMetrics,
  exposureValues,
  longTail,
  noveltyMetrics,
  noveltyValues,
  trainingUse,
  type BeyondMetric,
  type TrainingUse,
} from './exposure.ts';
export {
  groupMetrics,
  maskGroups,
  rangeGroups,
  rowsOfGroups,
  type GroupMetrics,
  type Groups,
} from './groups.ts';
export { benjaminiHochberg, holm } from './corrections.ts';
export { tTest, wilcoxon } from './classicTests.ts';
export { type Lists, type RankedLists } from './lists.ts';
export { isMany, listPlaces, nowhere, pickRelevant, ratingGain, type ManyPlaces } from './manyPlaces.ts';
export { areas, manyValues, type ManyMetric } from './manyValues.ts';
export { gains, hits, maskedMean, mrr, reciprocalRanks, type Mask } from './metrics.ts';
export { metricTitle } from './metricTitle.ts';
export { placesOf, ranksOf, type Places, type Ranks, type TieRule } from './places.ts';
export {
  defaultMetrics,
  meanMetric,
  metricName,
  metricsWith,
  rankingMetrics,
  rowCount,
  rowValues,
  type MetricName,
  type RowResults,
} from './rowValues.ts';
export { scorePlaces, type ScorePlacesOptions } from './scorePlaces.ts';
export { pairedRatio, type Ratio } from './pairedRatio.ts';
export {
  comparePaired,
  pairedBootstrap,
  pairedPermutation,
  signTest,
  type Interval,
  type PairedComparison,
  type ResamplingOptions,
} from './significance.ts';
export { mean, meanOfKnown, meanOverRuns, summarise, summariseRuns, type Summary } from './summary.ts';
export { targetPlaces } from './tensorPlaces.ts';
export {
  rankUsers,
  readScores,
  type UserRanking,
  type UserRankingOptions,
  type UserScores,
} from './userRanking.ts';
export { topK, type TopKOptions } from './topK.ts';
export { sampledPlaces, sampledWords, type SampledRanking } from './negatives.ts';
