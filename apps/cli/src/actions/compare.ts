// What `ferry compare` loads when it is run, and nothing else.
export { compareRuns, formatComparison, writeComparison } from '@ferry/studies';
