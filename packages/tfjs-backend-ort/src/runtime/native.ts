import { createRequire } from 'node:module';
import { Tensor as OrtTensor, type Tensor } from 'onnxruntime-node';
import { directRuntime } from './directRuntime.ts';
import { nextProfile, type Runtime, type SessionOptions, type SessionTensor } from './session.ts';

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

/** An execution provider and whether its library is inside the package. */
export function supportedProviders(): { name: string; bundled: boolean }[] {
  native.initOrt();
  return native.binding.listSupportedBackends();
}

/** ONNX Runtime: by its C interface where that can be called, else by onnxruntime-node's binding. */
export function runtimeFor(options: SessionOptions): Runtime {
  native.initOrt();
  return (options.binding ? undefined : directRuntime(options)) ?? bindingRuntime(options);
}

/** Tensors by the names of what goes into a model or comes out. */
export type NamedTensors = Record<string, Tensor>;

/** A model loaded by the binding. */
export interface NativeModel {
  /** Runs it; what is fetched into null is a fresh tensor. */
  run(feeds: NamedTensors, fetches: Record<string, Tensor | null>): NamedTensors;
  /** Keeps the session for a tensor on the device, which lies in its memory; what it returns lets it go. */
  hold(): () => void;
  /** Frees it, once nothing holds it. */
  dispose(): void;
}

/** An execution provider with its options. With channels last, webgpu's transposed convolution of groups is wrong. */
function configured(name: string): string | { name: string; preferredLayout: string } {
  return name === 'webgpu' ? { name, preferredLayout: 'NCHW' } : name;
}

/** A model loaded by the binding, whose calls are synchronous; outputs named in `onDevice` stay there. */
export function loadNative(
  model: Uint8Array,
  options: SessionOptions,
  onDevice: readonly string[] = [],
): NativeModel {
  // Without it the first session ends the process.
  native.initOrt();
  const session = new native.binding.InferenceSession();
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
    executionProviders: options.providers.map(configured),
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // The graph comes folded; ONNX Runtime's own passes only double the time to load it.
    graphOptimizationLevel: 'disabled',
    // A session's own arena would keep its peak for as long as the session lives, once for every compiled
    // signature; the C library's allocator is shared by all of them and as fast.
    enableMemPattern: false,
    enableCpuMemArena: false,
    // Errors are thrown; printed as well they would only repeat themselves.
    logSeverityLevel: 4,
    // Every session has threads of its own, which would go on looking for work for 20 ms after a run and take the
    // cores from the next session and the host kernels.
    extra: { session: { force_spinning_stop: '1' } },
    ...(onDevice.length > 0 && {
      preferredOutputLocation: Object.fromEntries(onDevice.map((name) => [name, 'gpu-buffer'])),
    }),
    ...(options.profile !== undefined && {
      enableProfiling: true,
      profileFilePrefix: nextProfile(options.profile),
    }),
  });
  let users = 1;
  const leave = () => {
    if (--users === 0) session.dispose();
  };
  return {
    run: (feeds, fetches) => session.run(feeds, fetches, {}),
    hold: () => {
      users++;
      return leave;
    },
    dispose: () => {
      if (options.profile !== undefined) session.endProfiling();
      leave();
    },
  };
}

interface BindingTensor extends SessionTensor {
  tensor: Tensor;
}

function bindingRuntime(options: SessionOptions): Runtime {
  return {
    tensor: (dtype, array, shape): BindingTensor => ({
      array,
      tensor: new OrtTensor(dtype, array as Float32Array, shape),
      dispose: () => undefined,
    }),
    session: (model, { inputs, outputs }) => {
      const session = loadNative(model, options);
      const named = (names: readonly string[], tensors: readonly SessionTensor[]): NamedTensors =>
        Object.fromEntries(names.map((name, i) => [name, (tensors[i] as BindingTensor).tensor]));
      return {
        run: (reads, writes) => {
          session.run(named(inputs, reads), named(outputs, writes));
        },
        dispose: () => {
          session.dispose();
        },
      };
    },
  };
}
