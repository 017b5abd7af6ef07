// What `ferry features` loads when it is run, and nothing else.
export { domainFeatures, listDomainFeatures, openDomain } from '@ferry/studies';
export { runDucho } from '@ferry/features';
