// What `ferry inspect` loads when it is run, and nothing else.
export { domainPath, inspectDomain, inspectNews, inspectReport } from '@ferry/studies';
