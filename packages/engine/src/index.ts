export * as tf from '@tensorflow/tfjs';
export {
  adamUpdate,
  attention,
  dropout,
  embedding,
  gelu,
  layerNorm,
  linear,
  philox4x32,
  randomSource,
  softmaxCrossEntropy,
  type AdamUpdate,
  type AttentionOptions,
  type RandomSource,
} from '@ferry/tfjs-backend-ort';
export { compile, type Compiled } from './compile.ts';
export { describe, selectBackend, type BackendName, type EngineDescription } from './backend.ts';
export { randomKey, RandomStream, type RandomState } from './random.ts';
