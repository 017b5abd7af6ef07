export { dpcKnn, type DensityPeaks, type DpcKnnOptions } from './dpcKnn.ts';
export { kMeans, type KMeansOptions } from './kMeans.ts';
export { releasedBatches, releasedKMeans, type ReleasedKMeansOptions } from './released.ts';
export { interestStatistics, type InterestStatistics, type InterestStatisticsOptions } from './statistics.ts';
export {
  interestLookups,
  interestTable,
  interestTokens,
  shareOfTokens,
  type InterestTokenOptions,
  type InterestTokens,
} from './tokens.ts';
export type { DistanceMethod, Interests } from './types.ts';
