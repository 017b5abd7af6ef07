import { availableParallelism } from 'node:os';
import * as tf from '@tensorflow/tfjs';
import { BACKEND_NAME, OrtBackend } from './backend.ts';
import './kernels/elementwise.ts';
import './kernels/fused.ts';
import './kernels/layout.ts';
import './kernels/reduction.ts';
import { kernelNames, registerKernels } from './kernels/define.ts';
import { registerViews, VIEW_KERNELS } from './kernels/view.ts';

/** Options of {@link registerOrtBackend}. */
export interface OrtOptions {
  /** Execution provider; `auto` takes cuda where its library is installed, else cpu. */
  provider?: 'cpu' | 'cuda' | 'webgpu' | 'auto' | undefined;
  /** Threads of one operator; more than the machine has cores is slower. */
  threads?: number | undefined;
  /** Path prefix: ONNX Runtime writes a profile of every session there. For diagnosis. */
  profile?: string | undefined;
}

let registered = false;

/** Registers the backend's kernels and a factory under the name `ort`. */
export function registerOrtBackend(options: OrtOptions = {}): void {
  if (!registered) {
    registerKernels();
    registerViews();
    registered = true;
  }
  const threads = options.threads ?? availableParallelism();
  const provider = options.provider ?? 'cpu';
  tf.registerBackend(
    BACKEND_NAME,
    () =>
      new OrtBackend({
        threads,
        providers: provider === 'cuda' ? ['cuda', 'cpu'] : ['cpu'],
        profile: options.profile,
      }),
    3,
  );
}

/** Names of all kernels that the backend has. */
export function supportedKernels(): string[] {
  return [...kernelNames(), ...VIEW_KERNELS].sort();
}
