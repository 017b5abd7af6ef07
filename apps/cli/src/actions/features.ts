// What `ferry features` loads when it is run, and nothing else.
export { listDomainFeatures, makeFeatures, openDomain } from '@ferry/studies';
export { runDucho } from '@ferry/features';
