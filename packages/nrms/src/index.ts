export type { Ids, Impressions, MindData, MindFiles, News, NumberLists } from './mind/types.ts';
export { historyOf, newsIn, rowOf } from './mind/rows.ts';
export { findMind, isDomainFolder, isMindFolder } from './mind/locate.ts';
export { readMind } from './mind/readMind.ts';
export { decidableRows, selectImpressions, splitByTime, textMask, withoutOtherNews } from './mind/select.ts';
export {
  candidateRanks,
  evaluateImpressions,
  impressionTies,
  summariseImpressions,
  type DroppedImpressions,
  type ImpressionEvaluation,
  type ImpressionMetrics,
  type ImpressionResults,
  type ImpressionSummary,
  type ImpressionTies,
} from './mind/metrics.ts';
export {
  categoryGroups,
  clickCountGroups,
  coldNewsGroups,
  coldUserGroups,
  hourGroups,
  summariseGroups,
  type ImpressionGroup,
} from './mind/groups.ts';
export { clickedAuc, type ClickPlaces } from './mind/clickedAuc.ts';
export { categoryAspects, type CategoryAspects } from './mind/aspects.ts';
export { categoryScores, clickCounts, popularityScores, recencyScores } from './mind/floors.ts';
export { meanHistoryScores, wordHistoryScores, type VectorTable } from './mind/meanHistory.ts';
export { measureImpressions, scoredImpressions, type MeasuredImpressions } from './mind/measure.ts';
export { readSubmission, submissionLines, writeSubmission } from './mind/submission.ts';
export {
  mindStatistics,
  type CategorySize,
  type FreshShares,
  type MindStatistics,
  type NewsStatistics,
  type SplitStatistics,
} from './mind/statistics.ts';
export type {
  AnyNewsModel,
  Clicks,
  EncodedInputs,
  EncodedNews,
  KnownUsers,
  LabelView,
  NewsCatalogue,
  NewsEntities,
  NewsFacts,
  NewsInputs,
  NewsLabels,
  NewsModel,
  NewsOptions,
  NewsStep,
  NewsView,
  NewsWords,
  Scoring,
  TextGroups,
  TokenInputs,
  VectorInputs,
  WordReading,
} from './contract.ts';
export { clickObjective, softmaxObjective, type NewsObjective, type ReadyObjective } from './objectives.ts';
export { impressionMetrics, newsEvaluation, type NewsEvaluation } from './evaluation.ts';
export { type Samples } from './sampler.ts';
export { newsParts, type NewsParts } from './parts.ts';
export { filledVectors, knownUsers, newsCatalogue, newsNames } from './catalogue.ts';
export { readNewsWords } from './words/newsWords.ts';
export {
  createNewsRecommender,
  vocabularyIn,
  type NewsRecommender,
  type NewsRecommenderSettings,
} from './recommender.ts';
export { batchesOf, createNewsTraining, type NewsTraining, type NewsTrainingSettings } from './training.ts';
export { createNewsScorer, type NewsScorer, type NewsVectors } from './ranking.ts';
export { type UserState } from './userState.ts';
export { userStates } from './userStates.ts';
export { defectTexts, readsPadding, roundToBfloat16, withEmptyCandidate, type Defect } from './defects.ts';
export { unknownShare, type TokenTable } from './words/tokens.ts';
export { type Vocabulary } from './words/vocabulary.ts';
export { requireWordVectors, type WordVectors } from './words/pretrained.ts';
export { tokenisers, wordsOf, type Tokeniser } from './words/tokenise.ts';
export { lstur, type LsturOptions, type LsturParameters } from './models/lstur.ts';
export { naml, type NamlOptions, type NamlParameters } from './models/naml.ts';
export { nrms, type NrmsParameters } from './models/nrms.ts';
export { type NrmsOptions } from './models/nrmsOptions.ts';
export { recTransformer, type RecTransformerParameters } from './models/recTransformer.ts';
export { type RecTransformerOptions } from './models/recTransformerOptions.ts';
