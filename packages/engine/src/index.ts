export * as tf from '@tensorflow/tfjs';
export {
  ADAM_CONTROL_SIZE,
  adamControl,
  adamUpdate,
  attention,
  dropout,
  embedding,
  gelu,
  layerNorm,
  linear,
  philox4x32,
  randomSource,
  registerOrtBackend,
  softmaxCrossEntropy,
  supportedKernels,
  type AdamSettings,
  type AdamUpdate,
  type AttentionOptions,
  type Compiled,
  type CompiledProgram,
  type CompileOptions,
  type RandomSource,
} from '@ferry/tfjs-backend-ort';
export { compile } from './compile.ts';
export { describe, selectBackend, type BackendName, type EngineDescription } from './backend.ts';
export { randomKey, RandomStream, type RandomState } from './random.ts';
