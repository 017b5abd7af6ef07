export * as tf from '@tensorflow/tfjs';
export {
  ADAM_CONTROL_SIZE,
  adamControl,
  adamUpdate,
  attention,
  blockedCrossEntropy,
  blocksPay,
  dropout,
  embedding,
  gatheredProducts,
  gelu,
  layerNorm,
  lazyAdamUpdate,
  linear,
  philox4x32,
  registerOrtBackend,
  rowGrads,
  softmaxCrossEntropy,
  supportedKernels,
  type AdamSettings,
  type AdamUpdate,
  type AttentionOptions,
  type BlockedCrossEntropyInputs,
  type BlockInputs,
  type Compiled,
  type CompiledProgram,
  type CompileOptions,
  type LazyAdamUpdate,
  type RandomSource,
  type RowGradient,
  type RowGradients,
} from '@ferry/tfjs-backend-ort';
export { compile } from './compile.ts';
export { describe, selectBackend, type EngineDescription, type SelectOptions } from './backend.ts';
export type { BackendName, BackendSpec, ProviderName } from './request.ts';
export { randomKey, randomSource, RandomStream, type RandomState } from './random.ts';
export { memory, scope, type MemoryReport } from './scope.ts';
