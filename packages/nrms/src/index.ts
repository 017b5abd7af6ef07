export type { Ids, Impressions, MindData, MindFiles, News, NumberLists } from './mind/types.ts';
export { historyOf, rowOf } from './mind/rows.ts';
export { findMind, isMindFolder } from './mind/locate.ts';
export { readMind } from './mind/readMind.ts';
export { decidableRows, selectImpressions, splitByTime, textMask, withoutOtherNews } from './mind/select.ts';
export {
  candidateRanks,
  evaluateImpressions,
  impressionTies,
  summariseImpressions,
  type DroppedImpressions,
  type ImpressionEvaluation,
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
export { categoryAspects, type CategoryAspects } from './mind/aspects.ts';
export { categoryScores, clickCounts, popularityScores, recencyScores } from './mind/floors.ts';
export { readSubmission, submissionLines, writeSubmission } from './mind/submission.ts';
export { mindStatistics, type NewsStatistics, type SplitStatistics } from './mind/statistics.ts';
