// What `ferry recommend` loads when it is run, and nothing else.
export { formatRecommendation, recommend } from '@ferry/studies';
