// What `ferry features` loads when it is run, and nothing else.
export { describeFeatures, domainFeatures, openDomain } from '@ferry/studies';
