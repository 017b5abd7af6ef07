// What `ferry inspect` loads when it is run, and nothing else.
export { inspectDomain, inspectReport } from '@ferry/studies';
