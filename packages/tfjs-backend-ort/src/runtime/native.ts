import { createRequire } from 'node:module';
import { Tensor as OrtTensor, type Tensor } from 'onnxruntime-node';
import { sizeOf, type DType, type HostArray } from '../graph/types.ts';

/** What onnxruntime-node's own InferenceSession wraps: the native session, whose calls are synchronous. */
interface NativeSession {
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void;
  run(
    feeds: Record<string, Tensor>,
    fetches: Record<string, Tensor | null>,
    options: object,
  ): Record<string, Tensor>;
  dispose(): void;
  endProfiling(): void;
}

interface NativeBinding {
  initOrt: () => void;
  binding: {
    InferenceSession: new () => NativeSession;
    listSupportedBackends: () => { name: string; bundled: boolean }[];
  };
}

const require = createRequire(import.meta.url);
// The public InferenceSession defers every call to the next turn of the event loop, and tfjs kernels are synchronous.
// This file is private to onnxruntime-node, so its version is pinned.
const native = require(
  require.resolve('onnxruntime-node').replace(/index\.js$/, 'binding.js'),
) as NativeBinding;

/** Options of every session. */
export interface SessionOptions {
  /** Threads of one operator. */
  threads: number;
  /** Execution providers, in the order of preference. */
  providers: readonly string[];
  /** Path prefix of a profile that ONNX Runtime writes when the session ends; a number and the time are added. */
  profile?: string;
}

/** Tensor as ONNX Runtime takes it: a live view of the array. */
export function ortTensor(dtype: DType, data: HostArray, shape: readonly number[]): Tensor {
  return new OrtTensor(dtype, data as Float32Array, shape);
}

/** An execution provider and whether its library is inside the package. */
export function supportedProviders(): { name: string; bundled: boolean }[] {
  native.initOrt();
  return native.binding.listSupportedBackends();
}

/** One compiled ONNX model. */
export interface Session {
  /** Runs the model; `fetches` names the outputs, with the tensors to write into or null for fresh ones. */
  run(feeds: Record<string, Tensor>, fetches: Record<string, Tensor | null>): Record<string, Tensor>;
  /** Frees the native session. */
  dispose(): void;
}

/** Profiles begun in this process. */
let profiles = 0;

/** Loads an ONNX model. */
export function createSession(model: Uint8Array, options: SessionOptions): Session {
  native.initOrt();
  const session = new native.binding.InferenceSession();
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
    executionProviders: options.providers,
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // The graph comes folded; ONNX Runtime's own passes only double the time to load it.
    graphOptimizationLevel: 'disabled',
    // A session's own arena would keep its peak for as long as the session lives, once for every compiled signature; the
    // C library's allocator is shared by all of them and as fast.
    enableMemPattern: false,
    enableCpuMemArena: false,
    // Errors are thrown; printed as well they would only repeat themselves.
    logSeverityLevel: 4,
    // Every session has threads of its own, which would go on looking for work for 20 ms after a run and take the cores
    // from the next session and the host kernels.
    extra: { session: { force_spinning_stop: '1' } },
    // ONNX Runtime adds the time in milliseconds, which two small sessions share.
    ...(options.profile !== undefined && {
      enableProfiling: true,
      profileFilePrefix: `${options.profile}-${++profiles}`,
    }),
  });
  return {
    run: (feeds, fetches) => session.run(feeds, fetches, {}),
    dispose: () => {
      if (options.profile !== undefined) session.endProfiling();
      session.dispose();
    },
  };
}

/** Elements of a shape, checked against an array. */
export function checkSize(shape: readonly number[], data: HostArray, what: string): void {
  if (sizeOf(shape) !== data.length)
    throw new Error(`${what}: shape [${shape.join(', ')}] does not hold ${data.length} elements`);
}
