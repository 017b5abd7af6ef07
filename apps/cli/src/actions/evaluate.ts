// What `ferry evaluate` loads when it is run, and nothing else.
export { evaluateRun, formatEvaluation } from '@ferry/studies';
