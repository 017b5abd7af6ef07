export { tf } from './tfjs.js';
export { attention, type AttentionOptions } from './ops/attention.ts';
export { gelu } from './ops/gelu.ts';
export { gruStates } from './ops/gruStates.ts';
export { layerNorm } from './ops/layerNorm.ts';
export { linear } from './ops/linear.ts';
export { HalfTable } from './ops/halfTable.ts';
export { Int8Table } from './ops/int8Table.ts';
export { softmaxCrossEntropy } from './ops/softmaxCrossEntropy.ts';
export {
  blockedCrossEntropy,
  type BlockedCrossEntropyInputs,
  type BlockInputs,
} from './ops/blockedCrossEntropy.ts';
export { blocksPay } from './ops/blocks.ts';
export { rowCounts } from './ops/rowCounts.ts';
export { nearestDistances, type NearestOptions } from './ops/nearestDistances.ts';
export { gatheredProducts } from './ops/gatheredProducts.ts';
export { gatheredSums } from './ops/gatheredSums.ts';
export { embedding } from './ops/embedding.ts';
export { sumOfSquares } from './ops/sumOfSquares.ts';
export {
  disposeSparse,
  sparseMatMul,
  sparseMatrix,
  sparsePolynomial,
  withValues,
  type SparseEntries,
  type SparseMatrix,
} from './ops/sparse.ts';
export { lazyAdamUpdate, type LazyAdamUpdate } from './ops/lazyAdam.ts';
export { rowGrads, type RowGradient, type RowGradients } from './ops/rowGradients.ts';
export { dropout, randomSource, type RandomSource } from './ops/random.ts';
export {
  ADAM_CONTROL_SIZE,
  adamControl,
  adamUpdate,
  type AdamSettings,
  type AdamUpdate,
} from './ops/adam.ts';
export { recomputed, type RecomputedReads } from './ops/recomputed.ts';
export { philox4x32 } from './random/philox.ts';
export { compile, type Compiled, type CompileOptions } from './compile.ts';
export type { CompiledProgram } from './plan.ts';
export { registerGradients } from './gradients.ts';
export { registerOrtBackend, supportedKernels, type OrtOptions } from './register.ts';
export { deviceTraffic, tensorsOnDevice } from './traffic.ts';
export type { Traffic } from './runtime/deviceMemory.ts';
export { keepFreedMemory, type MallocState } from './runtime/malloc.ts';
export { supportedProviders } from './runtime/native.ts';
export {
  CUDA_INSTALL_COMMAND,
  onnxRuntimeVersion,
  probeProvider,
  type OrtProvider,
  type ProviderProbe,
} from './runtime/providers.ts';
export { flatten, type Flat } from './nest.ts';
