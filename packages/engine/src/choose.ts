import { createRequire } from 'node:module';
import type { BackendName, BackendRequest } from './request.ts';

/** The optional packages that bring libtensorflow. */
export type TensorflowPackage = '@tensorflow/tfjs-node' | '@tensorflow/tfjs-node-gpu';

/** Whether something can be used, and if not why, in one line. */
export interface Availability {
  /** It can. */
  usable: boolean;
  /** What is missing and what to do about it; empty when usable. */
  reason: string;
}

/** What the choice of a backend asks the machine; tests put a table in its place. */
export interface Probes {
  /** Name of an NVIDIA GPU that the driver reports. */
  gpu: () => string | undefined;
  /** Whether an optional package and its native binding are installed. Loads nothing. */
  installed: (name: TensorflowPackage) => Availability;
  /** Loads an optional package and says whether it computes on a GPU. */
  tensorflowOnGpu: (name: TensorflowPackage) => boolean;
  /** Whether an execution provider of ONNX Runtime runs. */
  provider: (name: 'cpu' | 'cuda' | 'webgpu') => Availability;
}

/** A backend that works on this machine. */
export interface BackendChoice {
  /** The tfjs backend. */
  backend: Exclude<BackendName, 'auto'>;
  /** What computes: ort's execution provider; cpu or cuda for tensorflow; cpu for the others. */
  provider: 'cpu' | 'cuda' | 'webgpu';
  /** The package that provides the tensorflow backend. */
  tensorflow?: TensorflowPackage;
  /** Why this one, in one line. */
  reason: string;
  /** `auto` wanted something faster and did not get it. */
  fellBack: boolean;
}

const { peerDependencies } = createRequire(import.meta.url)('../package.json') as {
  peerDependencies: Record<TensorflowPackage, string>;
};

/** What to install for the tensorflow backend. */
export const TENSORFLOW_HINT =
  `install it with 'npm install --no-save --ignore-scripts=false ` +
  `@tensorflow/tfjs-node@${peerDependencies['@tensorflow/tfjs-node']}' (its install script downloads libtensorflow), or ` +
  "link it to an installed TensorFlow Python wheel with 'npx tsx tools/link-libtensorflow.ts --install' (docs/backends.md)";

/**
 * Chooses what runs the tensors. `auto` takes tfjs-node-gpu on a usable GPU, else ort with cuda, else ort on the CPU,
 * and says what it passed over; everything else is taken as asked or refused.
 *
 * @throws Error when what was asked for is not installed or does not work here, with what to install.
 */
export function chooseBackend(request: BackendRequest, probes: Probes): BackendChoice {
  const { backend, asker } = request;
  switch (backend) {
    case 'auto':
      return chooseFastest(request, probes);
    case 'ort':
      return chooseProvider(request, probes);
    case 'tensorflow':
      return chooseTensorflow(request, probes);
    case 'wasm':
    case 'cpu':
      return { backend, provider: 'cpu', reason: `asked for by ${asker}`, fellBack: false };
  }
}

function chooseFastest({ asker }: BackendRequest, probes: Probes): BackendChoice {
  const gpu = probes.gpu();
  const passed: string[] = [];
  if (gpu === undefined) passed.push('no NVIDIA GPU was found');
  else {
    const tensorflow = '@tensorflow/tfjs-node-gpu';
    const missing = whyNotOnGpu(tensorflow, probes);
    if (missing === undefined)
      return { backend: 'tensorflow', provider: 'cuda', tensorflow, reason: `auto: ${gpu}`, fellBack: false };
    passed.push(missing);
    const cuda = probes.provider('cuda');
    if (cuda.usable)
      return { backend: 'ort', provider: 'cuda', reason: `auto: ${passed.join('; ')}`, fellBack: true };
    passed.push(cuda.reason);
  }
  const reason = `${asker === 'selectBackend' ? 'auto' : asker}: ${passed.join('; ')}`;
  return { backend: 'ort', provider: 'cpu', reason, fellBack: true };
}

function whyNotOnGpu(name: TensorflowPackage, probes: Probes): string | undefined {
  const { usable, reason } = probes.installed(name);
  if (!usable) return reason;
  try {
    return probes.tensorflowOnGpu(name) ? undefined : `${name} does not see a GPU that it can use`;
  } catch (error) {
    return `${name} does not load: ${oneLine(error)}`;
  }
}

function chooseProvider({ provider = 'cpu', asker }: BackendRequest, probes: Probes): BackendChoice {
  if (provider === 'auto') {
    const { usable, reason } = probes.provider('cuda');
    return usable
      ? { backend: 'ort', provider: 'cuda', reason: 'auto: cuda is usable', fellBack: false }
      : { backend: 'ort', provider: 'cpu', reason: `auto: ${reason}`, fellBack: true };
  }
  const { usable, reason } = probes.provider(provider);
  if (!usable) throw new Error(`${asker}: ort:${provider} is not available: ${reason}`);
  return { backend: 'ort', provider, reason: `asked for by ${asker}`, fellBack: false };
}

function chooseTensorflow({ asker }: BackendRequest, probes: Probes): BackendChoice {
  const cpu = probes.installed('@tensorflow/tfjs-node');
  const gpu = probes.installed('@tensorflow/tfjs-node-gpu');
  // Without a GPU the GPU package would do, but its binding wants CUDA libraries.
  const tensorflow: TensorflowPackage | undefined =
    gpu.usable && (!cpu.usable || probes.gpu() !== undefined)
      ? '@tensorflow/tfjs-node-gpu'
      : cpu.usable
        ? '@tensorflow/tfjs-node'
        : undefined;
  if (!tensorflow)
    throw new Error(`${asker}: the tensorflow backend is not available: ${cpu.reason}; ${TENSORFLOW_HINT}`);
  let provider: 'cpu' | 'cuda';
  try {
    provider = probes.tensorflowOnGpu(tensorflow) ? 'cuda' : 'cpu';
  } catch (error) {
    throw new Error(`${asker}: ${tensorflow} does not load: ${oneLine(error)}; ${TENSORFLOW_HINT}`, {
      cause: error,
    });
  }
  return { backend: 'tensorflow', provider, tensorflow, reason: `asked for by ${asker}`, fellBack: false };
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').trim().slice(0, 300);
}
