export type {
  Encoder,
  ExtractionCost,
  ExtractionProgress,
  FeatureDomain,
  FeatureMatrix,
  Modality,
} from './types.ts';
export { blankCard } from './blankCard.ts';
export { encodeNpy, parseNpy, type NumberArray, type TextArray } from './npy.ts';
export { unpackNpz } from './npz.ts';
export { itemTexts, requireInputs, type TextSource } from './inputs.ts';
export { badPictures, listPictures, type BadPicture } from './pictureFiles.ts';
export { picturePlaces, type PicturePlaces } from './picturePlaces.ts';
export {
  fetchPictures,
  takePictures,
  type FetchedPictures,
  type FetchPicturesOptions,
} from './fetchPictures.ts';
export {
  featureTypes,
  readRecord,
  recordPath,
  type FeatureRecord,
  type FeatureType,
  type Agreement,
  type ModelRecord,
} from './record.ts';
export { describeFeatures, featureSummary, presentCount, presentRows } from './matrix.ts';
export { readFeatureFile, type FeatureFileOptions } from './file.ts';
export { readStoredFeatures, saveFeatures, type SavedWith, type StoredOptions } from './store.ts';
export { featureStore, type FeatureStore } from './storePlace.ts';
export {
  featureMatrices,
  listFeatures,
  loadFeatures,
  loadWordDropped,
  type FeatureListing,
  type LoadOptions,
} from './load.ts';
export { buildTextFeatures, textEncoders, type TextEncoderName, type TextFeatureOptions } from './text.ts';
export {
  buildImageFeatures,
  imageEncoders,
  type ImageEncoderName,
  type ImageFeatureOptions,
} from './image.ts';
export type { ExtractionOptions } from './extract.ts';
export { clipModel, type ClipOptions } from './clip.ts';
export { pixelDescriptor, pixelsWidth } from './pixels.ts';
export { loadPictureProcessor, pictureProcessor, type PictureProcessor } from './pictures/processor.ts';
export type { Rgb } from './pictures/resize.ts';
export {
  itemPictures,
  readPicture,
  readPictures,
  type ItemPictures,
  type PictureBytes,
} from './pictures/read.ts';
export { dropWords, type WordDrop } from './words.ts';
export {
  blocksOf,
  openItemBlocks,
  writeItemBlocks,
  type ItemBlocks,
  type ItemBlocksOptions,
} from './itemBlocks.ts';
export { openFeatures, type OpenFeaturesOptions } from './openFeatures.ts';
export { runDucho, type DuchoOptions, type DuchoResult } from './ducho.ts';
export { readVectorFolder, vectorIds, type Vectors } from './vectorFolder.ts';
export { encodeItems, type EncodeOptions, type Networks } from './encodings/encode.ts';
export type { FoundModel } from './encodings/find.ts';
export type { OpenModel, PoolingOf } from './encodings/textModel.ts';
export {
  modalityOf,
  nameOf,
  parseEncoding,
  readEncodings,
  type Encoding,
  type EncodingFile,
  type ImageEncoding,
  type TextEncoding,
} from './encodings/settings.ts';
export { listEncodings, type EncodingListing } from './encodings/list.ts';
