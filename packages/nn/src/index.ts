export {
  disposeParameters,
  flattenParameters,
  parameter,
  trainableParameters,
  type FreezeOptions,
  type Parameters,
} from './parameters.ts';
export { matchGlob } from './glob.ts';
export { init, type Initializer } from './init.ts';
export {
  createEmbedding,
  createLayerNorm,
  createLinear,
  embed,
  normalize,
  type BiasedLinearParameters,
  type EmbeddingOptions,
  type EmbeddingParameters,
  type LayerNormParameters,
  type LinearOptions,
  type LinearParameters,
} from './layers.ts';
export { addPositions, gatherPositions, paddingMask, sinusoidalPositions } from './positions.ts';
export {
  attentionBias,
  createAttention,
  multiHeadAttention,
  type AttentionInit,
  type AttentionMasks,
  type AttentionParameters,
  type MultiHeadAttentionOptions,
} from './attention.ts';
export {
  createSelfAttention,
  selfAttention,
  type SelfAttentionOptions,
  type SelfAttentionParameters,
  type SelfAttentionSizes,
} from './selfAttention.ts';
export {
  createDecoderLayer,
  createEncoderLayer,
  transformerDecoderLayer,
  transformerEncoderLayer,
  type DecoderLayerOptions,
  type DecoderLayerParameters,
  type EncoderLayerParameters,
  type TransformerLayerOptions,
  type TransformerLayerSizes,
} from './transformer.ts';
export {
  causalEncoder,
  createDecoder,
  createEncoder,
  transformerDecoder,
  transformerEncoder,
  type CausalEncoderOptions,
  type DecoderParameters,
  type EncoderParameters,
  type StackOptions,
  type TransformerSizes,
} from './stacks.ts';
export {
  additiveAttention,
  createAdditiveAttention,
  type AdditiveAttentionParameters,
  type AdditiveAttentionSizes,
} from './additiveAttention.ts';
export { createGru, gru, packedGru, type GruOptions, type GruParameters, type GruSizes } from './gru.ts';
export {
  binaryCrossEntropy,
  bpr,
  crossEntropy,
  maskedMean,
  type BinaryCrossEntropyOptions,
  type CrossEntropyOptions,
  type LossOptions,
} from './losses.ts';
export {
  inBatchExclusions,
  inBatchSoftmax,
  infoNce,
  sameItems,
  type InBatchOptions,
  type InfoNceOptions,
} from './contrastive.ts';
export { createSchedule, type Schedule, type ScheduleOptions } from './schedule.ts';
export {
  createOptimizer,
  type ApplyResult,
  type GroupOptions,
  type Optimizer,
  type OptimizerOptions,
  type ParameterGroup,
} from './optimizer.ts';
export {
  fromBfloat16,
  fromFloat16,
  toBfloat16,
  toFloat16,
  type SafetensorsArray,
  type SafetensorsType,
} from './dtypes.ts';
export {
  encodeFloats,
  readSafetensors,
  toFloat32,
  writeSafetensors,
  type SafetensorsFile,
  type SafetensorsTensor,
} from './safetensors.ts';
export {
  loadParameters,
  saveParameters,
  torchName,
  type LoadOptions,
  type LoadReport,
  type NamedVariables,
} from './checkpoint.ts';
