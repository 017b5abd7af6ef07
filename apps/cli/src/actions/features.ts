// What `ferry features` loads when it is run, and nothing else.
export { makeEncodings, openDomain } from '@ferry/studies';
export {
  describeFeatures,
  fetchPictures,
  listEncodings,
  parseEncoding,
  readEncodings,
  runDucho,
  takePictures,
} from '@ferry/features';
