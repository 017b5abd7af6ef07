// What `ferry prepare` loads when it is run, and nothing else.
export {
  cardNames,
  loadCard,
  loadSettings,
  prepare,
  prepareCard,
  unexpected,
  withFlags,
} from '@ferry/preparation';
export { cacheDirectory, checkData } from '@ferry/studies';
