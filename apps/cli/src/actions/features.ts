// What `ferry features` loads when it is run, and nothing else.
export { makeDucho, makeEncodings, openDomain } from '@ferry/studies';
export {
  describeFeatures,
  fetchPictures,
  listEncodings,
  parseEncoding,
  readEncodings,
  takePictures,
} from '@ferry/features';
