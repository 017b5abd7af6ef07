export type { Ids, Impressions, MindData, News, NumberLists } from './mind/types.ts';
export { historyOf, rowOf } from './mind/rows.ts';
