export {
  checkEncoder,
  checkEncoderConfig,
  loadEncoder,
  createEncoder,
  folderPooling,
  type EncoderSettings,
} from './load.ts';
export { saveEncoder } from './save.ts';
export type { Encoder, Lower, Statistics, Way } from './encoder.ts';
export { type Encoded, type EncoderInputs, type Pooling, poolings } from './family.ts';
export {
  packWeights,
  weightForms,
  type PackedForm,
  type PackedWeights,
  type WeightForm,
} from './packedWeights.ts';
export type { PoolingOptions } from './pool.ts';
export { savePooling, sentencePooling } from './sentence.ts';
export { type Tuning } from './tuning.ts';
export { createLora, loadLora, mergeLora, saveLora, withLora, type Lora, type LoraOptions } from './lora.ts';
export { createAdapters, withAdapters, type AdapterOptions } from './adapters.ts';
export { createPrompt, withPrompt, type Prompt, type PromptOptions, type PromptReader } from './prompts.ts';
export { layerRates, type LayerRate } from './layerRates.ts';
export type { Augmentation } from './augment.ts';
export type { ItemArray, ItemContent, ItemFile, KeepOptions } from './lowerLayers.ts';
export { encoderTower, type EncoderTower, type PixelScale, type TowerOptions } from './tower.ts';
export {
  loadTokenizer,
  saveVocabulary,
  tokenise,
  vocabularyTokenizer,
  wordVocabulary,
  type TextTokenizer,
  type TokenArrays,
} from './tokenizer.ts';
export {
  createMaskedHead,
  maskedLoss,
  maskTokens,
  type MaskedHead,
  type MaskedTexts,
  type MaskingOptions,
  type PretrainingLoss,
} from './pretraining/maskedTokens.ts';
export { createPairHead, pairLoss, type PairHead, type PairSide } from './pretraining/pairs.ts';
