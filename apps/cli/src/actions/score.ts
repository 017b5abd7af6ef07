// What `ferry score` loads when it is run, and nothing else.
export { formatScoredLists, scoreLists } from '@ferry/studies';
