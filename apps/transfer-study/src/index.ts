export * from './config.ts';
export { cacheDirectory, domainDirectory, openDomain } from './domains.ts';
export { domainName } from './names.ts';
export { describeFeatures, domainFeatures, type DomainFeatures, type FeatureProgress } from './features.ts';
export { inspectDomain, type Inspection } from './inspect.ts';
export * from './sampleWorld/index.ts';
