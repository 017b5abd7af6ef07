// What `ferry compare` loads when it is run, and nothing else.
export { compareRuns, comparisonCsv, formatComparison, writeComparison } from '@ferry/studies';
