// What `ferry inspect` loads when it is run, and nothing else.
export { inspectDomain, inspectNews, inspectReport } from '@ferry/studies';
