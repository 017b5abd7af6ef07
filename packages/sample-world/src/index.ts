export { sampleDomains, sampleWorldDirectory, sampleWorldVersion, writeSampleWorld } from './write.ts';
export { makeSampleWorld, type SampleDomain, type SampleWorld, type SampleWorldOptions } from './world.ts';
export type { SampleItem } from './items.ts';
export { laws, type Person, type SampleSequence } from './sequences.ts';
export { encodePng, type Picture } from './png.ts';
export { drawPicture, rgb } from './picture.ts';
export { themes, styles } from './vocabulary.ts';
export type { Article } from './news/articles.ts';
export type { ClickWeights, Reader } from './news/readers.ts';
export {
  articleVectors,
  jointVectors,
  makeNewsWorld,
  type ArticleVectors,
  type NewsWorld,
  type NewsWorldOptions,
  type ReaderImpression,
} from './news/world.ts';
export { newsWorldDirectory, writeNewsWorld } from './news/write.ts';
