import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { dirname, sep } from 'node:path';
import {
  keepFreedMemory,
  onnxRuntimeVersion,
  registerGradients,
  registerOrtBackend,
  tf,
} from '@ferry/tfjs-backend-ort';
import { chooseBackend, type BackendChoice } from './choose.ts';
import { machineProbes, nvidiaGpu, tensorflowDetails, webgpuAdapter } from './probes.ts';
import { parseRequest, type BackendSpec, type ProviderName } from './request.ts';

/** Options of {@link selectBackend}. */
export interface SelectOptions {
  /** Threads of one operation; `FERRY_THREADS`, else as many as the process may use. */
  threads?: number;
  /** Execution provider of `ort`, cpu by default; with the backend `auto`, naming one means `ort`. */
  provider?: ProviderName;
  /** Path prefix: ONNX Runtime writes a profile of every session of `ort` there. For diagnosis. */
  profile?: string;
  /** Receives the line that says what was fallen back to and why; standard error by default. */
  log?: (line: string) => void;
}

/** What runs the tensors, as plain JSON, for banners and run records. */
export interface EngineDescription {
  /** The backend in use. */
  backend: string;
  /** What computes: ort's execution provider; cpu or cuda for tensorflow; cpu for the others. */
  provider: string;
  /** The processor's or the GPU's name. */
  device: string;
  /** Threads of one operation. */
  threads: number;
  /** Why this backend was chosen. */
  reason: string;
  /** With `ort`: whether the C library keeps freed memory, and if not, why. */
  allocator?: string;
  /** Versions of the libraries involved. */
  versions: Record<string, string>;
}

let selected: EngineDescription | undefined;

/**
 * Chooses the backend that all tensors live on. Call once, before the first tensor; called again, it switches, and
 * tensors move to the new backend when they are next used.
 *
 * `auto` takes tfjs-node-gpu with a usable GPU, else `ort` with cuda, else `ort` on the CPU, and says in one line what
 * it fell back to. The environment variable `FERRY_BACKEND` (a backend, or `ort:<provider>`) stands in for `auto`.
 *
 * @param name - A backend, or `ort:<provider>`.
 * @throws Error when what was asked for is not available, with what to install.
 */
export async function selectBackend(
  name: BackendSpec = 'auto',
  options: SelectOptions = {},
): Promise<EngineDescription> {
  const {
    log = (line: string) => {
      console.error(line);
    },
  } = options;
  const request = parseRequest(name, options, process.env);
  const threads = request.threads ?? availableParallelism();
  const choice = chooseBackend(request, machineProbes(threads));
  if (choice.fellBack) log(`engine: ${choice.backend} on ${choice.provider} (${choice.reason})`);
  const used = await activate(choice, threads, options);
  if (options.threads !== undefined && used !== options.threads)
    log(`engine: ${choice.backend} runs ${used} thread${used === 1 ? '' : 's'}, not ${options.threads}`);
  selected = {
    backend: choice.backend,
    provider: choice.provider,
    device: deviceOf(choice),
    threads: used,
    reason: choice.reason,
    ...(choice.backend === 'ort' && { allocator: keepFreedMemory().reason }),
    versions: versionsOf(choice),
  };
  return describe();
}

/** The backend in use, as chosen by {@link selectBackend}, or by tfjs itself when nothing was chosen. */
export function describe(): EngineDescription {
  const backend = tf.getBackend() as string | null | undefined;
  if (selected && selected.backend === backend) return structuredClone(selected);
  return {
    backend: backend ?? 'none',
    provider: 'cpu',
    device: processor(),
    threads: 1,
    reason: 'not chosen by selectBackend',
    versions: commonVersions(),
  };
}

/** Makes the choice tfjs's current backend. Returns the threads that it uses. */
async function activate(choice: BackendChoice, threads: number, options: SelectOptions): Promise<number> {
  let used = 1;
  // One program has the same gradients on every backend.
  registerGradients();
  switch (choice.backend) {
    case 'ort':
      registerOrtBackend({ provider: choice.provider, threads, profile: options.profile });
      used = threads;
      break;
    case 'tensorflow':
      used = tensorflowDetails().threads ?? threads;
      break;
    case 'wasm':
      await registerWasm();
      break;
    case 'cpu':
      // Its first use would print the advice to install tfjs-node.
      Object.assign(tf.findBackend('cpu'), { firstUse: false });
  }
  if (!(await tf.setBackend(choice.backend)))
    throw new Error(`selectBackend: tfjs could not start the backend ${choice.backend}`);
  return used;
}

/** tfjs's wasm backend looks for its binaries beside the main script unless told where they are. */
async function registerWasm(): Promise<void> {
  if (tf.engine().backendNames().includes('wasm')) return;
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(dirname(entry) + sep);
}

function deviceOf(choice: BackendChoice): string {
  if (choice.provider === 'cuda') return nvidiaGpu() ?? 'an NVIDIA GPU';
  if (choice.provider === 'webgpu') return webgpuAdapter();
  return processor();
}

/** The processor's name, and how many there are. */
export function processor(): string {
  const all = cpus();
  return `${all[0]?.model.trim() || process.arch} (${all.length} cores)`;
}

/** Versions of the libraries that are always there. */
export function commonVersions(): Record<string, string> {
  const own = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return {
    ferry: (JSON.parse(own) as { version: string }).version,
    node: process.versions.node,
    tfjs: tf.version.tfjs,
    'onnxruntime-node': onnxRuntimeVersion(),
  };
}

function versionsOf(choice: BackendChoice): Record<string, string> {
  return choice.backend === 'tensorflow'
    ? { ...commonVersions(), tensorflow: tensorflowDetails().version }
    : commonVersions();
}
