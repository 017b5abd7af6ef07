export {
  baselineScores,
  historyCounts,
  itemCosine,
  lastItemCosine,
  markov,
  popularity,
  type Baseline,
  type ItemFeature,
} from './baselines.ts';
export {
  evaluateRanking,
  type Ranker,
  type RankingOptions,
  type RankingResult,
  type Scores,
} from './evaluate.ts';
export {
  groupMetrics,
  historyLengthGroups,
  modalityGroups,
  popularityGroups,
  rangeGroups,
  type GroupMetrics,
  type Groups,
} from './groups.ts';
export {
  gains,
  hits,
  maskedMean,
  mrr,
  ndcgAt,
  rankingMetrics,
  recallAt,
  reciprocalRanks,
  type Mask,
} from './metrics.ts';
export { distinctMasked, midRanks, type MidRankOptions } from './ranks.ts';
export {
  comparePaired,
  pairedBootstrap,
  pairedPermutation,
  signTest,
  type Interval,
  type PairedComparison,
  type ResamplingOptions,
} from './significance.ts';
export { summarise, summariseRuns, type Summary } from './summary.ts';
export { targetRanks } from './tensor-ranks.ts';
export { topK, type TopKOptions } from './top-k.ts';
