import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { probeProvider, tf } from '@ferry/tfjs-backend-ort';
import type { Availability, Probes, TensorflowPackage } from './choose.ts';

/** What tfjs-node's backend object tells about itself. */
interface NodeBackend {
  isUsingGpuDevice: boolean;
  binding: { TF_Version: string };
}

/** Threads the loaded libtensorflow works with: it reads them once, from the environment. */
let loadedThreads: number | undefined;

/** The real probes. */
export function machineProbes(threads: number): Probes {
  return {
    gpu: nvidiaGpu,
    installed,
    tensorflowOnGpu: (name) => loadTensorflow(name, threads),
    provider: probeProvider,
  };
}

let gpuName: string | null | undefined;

/** Name of the first NVIDIA GPU that this process may use, as the driver's own tool reports it. */
export function nvidiaGpu(): string | undefined {
  const visible = process.env['CUDA_VISIBLE_DEVICES'];
  if (visible !== undefined && (visible.trim() === '' || visible.trim().startsWith('-'))) return undefined;
  if (gpuName === undefined) {
    try {
      const report = execFileSync('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader'], {
        encoding: 'utf8',
        timeout: 10_000,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      gpuName = report.split('\n')[0]?.trim() || null;
    } catch {
      gpuName = null;
    }
  }
  return gpuName ?? undefined;
}

/** Vulkan drivers that compute on the processor, by what their files are called. */
const SOFTWARE: Readonly<Record<string, string>> = {
  swiftshader: 'SwiftShader',
  lvp: 'llvmpipe',
  llvmpipe: 'llvmpipe',
};

/**
 * What WebGPU computes with, as far as the environment tells: ONNX Runtime does not say which adapter it took, but the
 * Vulkan loader takes only the drivers that these variables name.
 */
export function webgpuAdapter(env: NodeJS.ProcessEnv = process.env): string {
  const drivers = (env['VK_DRIVER_FILES'] ?? env['VK_ICD_FILENAMES'] ?? '').split(delimiter).filter(Boolean);
  const names = drivers.map((path) => {
    const file = basename(path).toLowerCase();
    return Object.entries(SOFTWARE).find(([part]) => file.includes(part))?.[1];
  });
  if (names.length === 0 || names.includes(undefined)) return 'a WebGPU adapter';
  return `a software adapter on the processor (${[...new Set(names)].join(', ')})`;
}

/** Where an optional package lies, looked for from this package and from the working directory. */
function directoryOf(name: TensorflowPackage): string | undefined {
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json'))])
    try {
      return dirname(createRequire(from).resolve(`${name}/package.json`));
    } catch {
      // Not there; the next place.
    }
  return undefined;
}

function installed(name: TensorflowPackage): Availability {
  const directory = directoryOf(name);
  if (!directory) return { usable: false, reason: `${name} is not installed` };
  const lib = join(directory, 'lib');
  const built =
    existsSync(lib) && readdirSync(lib).some((part) => existsSync(join(lib, part, 'tfjs_binding.node')));
  return built
    ? { usable: true, reason: '' }
    : { usable: false, reason: `${name} is installed without its native binding` };
}

/** Loads tfjs-node, which registers the backend `tensorflow`, and says whether it computes on a GPU. */
function loadTensorflow(name: TensorflowPackage, threads: number): boolean {
  if (!tf.engine().backendNames().includes('tensorflow')) {
    process.env['TF_NUM_INTRAOP_THREADS'] ??= String(threads);
    // TensorFlow's start-up notes are no concern of the user; warnings are.
    process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '1';
    const directory = directoryOf(name)!;
    createRequire(join(directory, 'package.json'))(directory);
    loadedThreads = Number(process.env['TF_NUM_INTRAOP_THREADS']);
  }
  return nodeBackend().isUsingGpuDevice;
}

function nodeBackend(): NodeBackend {
  return tf.findBackend('tensorflow') as unknown as NodeBackend;
}

/** Version and threads of the libtensorflow in use. */
export function tensorflowDetails(): { version: string; threads: number | undefined } {
  return { version: nodeBackend().binding.TF_Version, threads: loadedThreads };
}
