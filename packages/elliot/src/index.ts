export { pickRatings, readRatings, writeRatings, type Ratings } from './ratings.ts';
export { splitRatings, type Parts, type Splitting } from './splits.ts';
export { filterRatings, type Filter } from './filters.ts';
