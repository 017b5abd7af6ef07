import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Graph } from '../graph/graph.ts';
import { nameOf, serialize } from '../graph/onnx.ts';
import { runtimeFor, supportedProviders } from './native.ts';

/** An execution provider of ONNX Runtime that the backend can run on. */
export type OrtProvider = 'cpu' | 'cuda' | 'webgpu';

/** Whether an execution provider can be used on this machine, and why not. */
export interface ProviderProbe {
  /** The provider in question. */
  provider: OrtProvider;
  /** A session on it ran. */
  usable: boolean;
  /** One line: what is missing and what to do about it; empty when usable. */
  reason: string;
}

/** How to get what the npm package leaves out, in a checkout of Ferry. */
export const CUDA_INSTALL_COMMAND = 'npx tsx tools/link-cuda.ts';

const root = dirname(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')));

/** The version of onnxruntime-node in use. */
export function onnxRuntimeVersion(): string {
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

const probed = new Map<OrtProvider, ProviderProbe>();

/**
 * Finds out by running a session of one operation whether a provider works here; once per process, for a failing
 * native library writes to stderr. The library of cuda is looked for first, so asking for it where it is not
 * installed stays quiet.
 */
export function probeProvider(provider: OrtProvider): ProviderProbe {
  let probe = probed.get(provider);
  if (!probe) {
    const reason = missing(provider) ?? failure(provider);
    probe = { provider, usable: reason === undefined, reason: reason ?? '' };
    probed.set(provider, probe);
  }
  return probe;
}

/** What is not installed, or undefined. */
function missing(provider: OrtProvider): string | undefined {
  const place = `${process.platform}/${process.arch}`;
  const entry = supportedProviders().find(({ name }) => name === provider);
  if (!entry) return `onnxruntime-node ${onnxRuntimeVersion()} has no ${provider} provider for ${place}`;
  if (entry.bundled || provider !== 'cuda') return undefined;
  const library = join(root, 'bin', 'napi-v6', place, 'libonnxruntime_providers_cuda.so');
  if (existsSync(library)) return undefined;
  return (
    'the cuda provider of onnxruntime-node is not installed: run ' +
    `'${CUDA_INSTALL_COMMAND}' (docs/backends.md), which first looks for the CUDA and cuDNN that it needs`
  );
}

/** Why a session of one operation does not run, or undefined. */
function failure(provider: OrtProvider): string | undefined {
  const g = new Graph();
  const x = g.input('float32', [1]);
  const y = g.op('Neg', [x], 'float32', [1]);
  try {
    const runtime = runtimeFor({ threads: 1, providers: [provider] });
    const model = serialize({ nodes: g.nodes, inputs: [x], outputs: [y] });
    const session = runtime.session(model, { inputs: [nameOf(x)], outputs: [nameOf(y)] });
    const ends = [2, NaN].map((value) => runtime.tensor('float32', Float32Array.of(value), [1]));
    try {
      session.run([ends[0]!], [ends[1]!]);
      const [result] = ends[1]!.array;
      return result === -2
        ? undefined
        : `the ${provider} provider computes wrongly: -(2) gave ${String(result)}`;
    } finally {
      for (const made of [...ends, session]) made.dispose();
    }
  } catch (error) {
    const hint = { cpu: '', cuda: CUDA_HINT, webgpu: WEBGPU_HINT }[provider];
    return `the ${provider} provider does not work here${hint}: ${lastSentence(error)}`;
  }
}

const CUDA_HINT = ' (needs an NVIDIA GPU with its driver, CUDA and cuDNN 9 on the library path)';
const WEBGPU_HINT = ' (needs a GPU with a Vulkan, Metal or Direct3D 12 driver)';

/** ONNX Runtime's messages begin with source positions and span lines; what is wrong stands at the end. */
function lastSentence(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
  const cut = text.lastIndexOf(' was false. ');
  return cut < 0 ? text.slice(0, 300) : text.slice(cut + ' was false. '.length);
}
