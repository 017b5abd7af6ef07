// What `ferry compare` loads when it is run, and nothing else.
export {
  checkFilePlace,
  compareRuns,
  comparisonCsv,
  formatComparison,
  writeComparison,
} from '@ferry/studies';
