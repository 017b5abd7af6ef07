import { availableParallelism } from 'node:os';
import { tf } from './tfjs.js';
import { BACKEND_NAME, OrtBackend } from './backend.ts';
import './kernels/contraction.ts';
import './kernels/convolution.ts';
import './kernels/elementwise.ts';
import './kernels/fused.ts';
import './kernels/gather.ts';
import './kernels/gathered.ts';
import './kernels/image.ts';
import './kernels/layout.ts';
import './kernels/normalization.ts';
import './kernels/packed.ts';
import './kernels/pooling.ts';
import './kernels/reduction.ts';
import './kernels/scatter.ts';
import './kernels/sparse.ts';
import { registerGradients } from './gradients.ts';
import { registerSparseElsewhere } from './kernels/sparseElsewhere.ts';
import { kernelNames, registerKernels } from './kernels/define.ts';
import { registerViews, VIEW_KERNELS } from './kernels/view.ts';
import { keepFreedMemory } from './runtime/malloc.ts';
import { probeProvider, type OrtProvider } from './runtime/providers.ts';

/** Options of {@link registerOrtBackend}. */
export interface OrtOptions {
  /** Execution provider, cpu by default; `auto` takes cuda where it is usable, else cpu. */
  provider?: OrtProvider | 'auto';
  /** Threads of one operator; more than the machine has cores is slower. */
  threads?: number;
  /** Path prefix: ONNX Runtime writes a profile of every session there. For diagnosis. */
  profile?: string;
  /**
   * Runs sessions by onnxruntime-node's binding, as is done where ONNX Runtime's C interface cannot be called. For
   * diagnosis.
   */
  binding?: boolean;
}

interface Settings {
  provider: OrtProvider;
  threads: number;
  profile: string | undefined;
  binding: boolean;
}

/** Operators that a device lacks run on the CPU. */
const PROVIDERS: Readonly<Record<OrtProvider, readonly string[]>> = {
  cpu: ['cpu'],
  cuda: ['cuda', 'cpu'],
  webgpu: ['webgpu', 'cpu'],
};

let kernelsRegistered = false;
let current: Settings | undefined;

/**
 * Registers the backend's kernels and a factory under the name `ort`; `tf.setBackend('ort')` then makes it the current
 * one. Called again with other options it replaces the backend: tensors move to the new one when they are next used,
 * and compiled functions compile anew. With the same options it does nothing. Gradients of tfjs that are wrong are
 * replaced, for all backends. glibc's allocator is told to keep freed memory, see {@link keepFreedMemory}.
 *
 * @returns The execution provider in use.
 * @throws Error when the provider asked for is not usable, with what to install.
 */
export function registerOrtBackend(options: OrtOptions = {}): OrtProvider {
  const { threads = availableParallelism(), profile, binding = false } = options;
  if (!Number.isInteger(threads) || threads < 1)
    throw new RangeError(`registerOrtBackend: threads must be a positive integer, got ${threads}`);
  keepFreedMemory();
  const provider = usableProvider(options.provider ?? 'cpu');
  const settings: Settings = { provider, threads, profile, binding };
  if (!kernelsRegistered) {
    registerKernels();
    registerViews();
    registerGradients();
    registerSparseElsewhere();
    kernelsRegistered = true;
  }
  if (current && same(current, settings)) return settings.provider;
  const registered = tf.engine().backendNames().includes(BACKEND_NAME);
  const active = registered && tf.getBackend() === BACKEND_NAME;
  if (registered) tf.removeBackend(BACKEND_NAME);
  const providers = PROVIDERS[settings.provider];
  tf.registerBackend(BACKEND_NAME, () => new OrtBackend({ threads, providers, profile, binding }), 3);
  current = settings;
  // The factory is synchronous, so the new backend is current before this returns.
  if (active) void tf.setBackend(BACKEND_NAME);
  return settings.provider;
}

function same(a: Settings, b: Settings): boolean {
  return (
    a.provider === b.provider && a.threads === b.threads && a.profile === b.profile && a.binding === b.binding
  );
}

function usableProvider(wanted: OrtProvider | 'auto'): OrtProvider {
  if (wanted === 'auto') return probeProvider('cuda').usable ? 'cuda' : 'cpu';
  if (!Object.hasOwn(PROVIDERS, wanted))
    throw new Error(
      `registerOrtBackend: provider must be auto, ${Object.keys(PROVIDERS).join(', ')}, got '${wanted}'`,
    );
  const { usable, reason } = probeProvider(wanted);
  if (!usable) throw new Error(`registerOrtBackend: provider '${wanted}': ${reason}`);
  return wanted;
}

/** Names of all kernels that the backend has. */
export function supportedKernels(): string[] {
  return [...kernelNames(), ...VIEW_KERNELS].sort();
}
