export type { Ids, Impressions, MindData, MindFiles, News, NumberLists } from './mind/types.ts';
export { historyOf, rowOf } from './mind/rows.ts';
export { findMind, isMindFolder } from './mind/locate.ts';
export { readMind } from './mind/readMind.ts';
export { decidableRows, selectImpressions, splitByTime, textMask, withoutOtherNews } from './mind/select.ts';
