// What `ferry prepare` loads when it is run, and nothing else.
export { loadSettings, prepare, withFlags } from '@ferry/preparation';
