import { Graph } from '../graph/graph.ts';
import { nameOf, serialize } from '../graph/onnx.ts';
import { elementTypes, type DType, type HostArray } from '../graph/types.ts';
import { cInterface, Names, type CInterface } from './cInterface.ts';
import { keepFreedMemory } from './malloc.ts';
import {
  nextProfile,
  type PortNames,
  type Runtime,
  type Session,
  type SessionOptions,
  type SessionTensor,
} from './session.ts';

/*
 * ONNX Runtime by its C interface. onnxruntime-node's own binding hands every output back as a copy in a new array,
 * though it wrote it where it was told: of a training step that is all gradients and whatever crosses between its
 * sessions, 109 MB of MISSRec's. That takes time, and the garbage collector has to run twice a step to get rid of it.
 * Here nothing is copied, and what stands for an array is made once. And all sessions can share one arena.
 */

const SEVERITY_ERROR = 3;
const SEVERITY_FATAL = 4;
/** Kinds of allocator. */
const DEVICE = 0;
const ARENA = 1;
const DEFAULT_MEMORY = 0;
const SEQUENTIAL = 0;
const NO_OPTIMISATION = 0;

/** What all sessions of a thread share. */
interface Shared {
  c: CInterface;
  environment: bigint;
  /** Says of arrays where they lie. */
  memory: bigint;
  /** Interim values of all sessions lie in one arena. */
  arena: boolean;
}

let shared: Shared | undefined;

function share(c: CInterface): Shared {
  // There is one environment a process: the one that onnxruntime-node has made, or will use.
  const environment = c.make('CreateEnv', SEVERITY_ERROR, 'ferry');
  const arena = keepFreedMemory().kept;
  if (arena) makeArena(c, environment);
  const own = { c, environment, memory: c.make('CreateCpuMemoryInfo', DEVICE, DEFAULT_MEMORY), arena };
  // The first block of an arena is never given back: let it be a small one.
  if (arena) runIdly(own);
  return own;
}

/**
 * An arena for the interim values of all sessions. ONNX Runtime asks the C library for aligned blocks, and glibc before
 * 2.38 lets small blocks take what alignment left beside a large one; freed, it is then too small for its own
 * successor, and the heap grows by a score matrix at each step.
 */
function makeArena(c: CInterface, environment: bigint): void {
  const names = new Names(c, ['arena_extend_strategy', 'initial_chunk_size_bytes']);
  // It grows in powers of two. What is never touched of them is never given by the kernel.
  const settings = c.make('CreateArenaCfgV2', names.pointers, BigUint64Array.of(0n, 1n << 20n), 2);
  const info = c.make('CreateCpuMemoryInfo', ARENA, DEFAULT_MEMORY);
  try {
    c.call('CreateAndRegisterAllocator', environment, info, settings);
  } catch {
    // Another thread of the process has made it.
  }
}

/** A value of ONNX Runtime that is a view of an array, which is held as long as ONNX Runtime knows where it lies. */
interface View extends SessionTensor {
  readonly buffer: ArrayBufferLike;
  at: bigint;
}

function view({ c, memory }: Shared, dtype: DType, array: HostArray, shape: readonly number[]): View {
  const form = [BigInt64Array.from(shape, BigInt), shape.length, elementTypes[dtype]] as const;
  const made: View = {
    array,
    // Small arrays lie among JavaScript's objects, and move, until somebody asks for their buffer.
    buffer: array.buffer,
    at: c.make('CreateTensorWithDataAsOrtValue', memory, array, array.byteLength, ...form),
    dispose: () => {
      if (made.at !== 0n) c.release('ReleaseValue', made.at);
      made.at = 0n;
    },
  };
  return made;
}

/** ONNX Runtime by its C interface; undefined where that cannot be called, or the provider is not the processor. */
export function directRuntime(options: SessionOptions): Runtime | undefined {
  const c = options.providers.every((name) => name === 'cpu') ? cInterface() : undefined;
  if (!c) return undefined;
  const own = (shared ??= share(c));
  return {
    tensor: (dtype, array, shape) => view(own, dtype, array, shape),
    session: (model, ports) => createSession(own, model, ports, options),
  };
}

/** Gives the C library back what the arena keeps and nothing uses now. */
export function shrinkArena(): void {
  if (shared?.arena) runIdly(shared, 'memory.enable_memory_arena_shrinkage', 'cpu:0');
}

/**
 * Runs a model for what a run does besides: it makes the arena's first block, or does what a run's setting asks for.
 */
function runIdly(own: Shared, ...setting: [key: string, value: string] | []): void {
  const { c } = own;
  const g = new Graph();
  const x = g.input('float32', [1]);
  const y = g.op('Neg', [g.op('Neg', [x], 'float32', [1])], 'float32', [1]);
  const model = serialize({ nodes: g.nodes, inputs: [x], outputs: [y] });
  const ports = { inputs: [nameOf(x)], outputs: [nameOf(y)] };
  const runOptions = c.make('CreateRunOptions');
  const session = createSession(own, model, ports, { threads: 1, providers: ['cpu'] }, runOptions);
  const [from, to] = [x, y].map(() => view(own, 'float32', new Float32Array(1), [1])) as [View, View];
  try {
    if (setting.length > 0) c.call('AddRunConfigEntry', runOptions, ...setting);
    session.run([from], [to]);
  } finally {
    for (const made of [from, to, session]) made.dispose();
    c.release('ReleaseRunOptions', runOptions);
  }
}

function createSession(
  { c, environment, arena }: Shared,
  model: Uint8Array,
  { inputs, outputs }: PortNames,
  options: SessionOptions,
  runOptions: bigint | null = null,
): Session {
  const settings = sessionOptions(c, options, arena);
  let session: bigint;
  try {
    session = c.make('CreateSessionFromArray', environment, model, model.byteLength, settings);
  } finally {
    c.release('ReleaseSessionOptions', settings);
  }
  const from = new Names(c, inputs);
  const to = new Names(c, outputs);
  const read = new BigUint64Array(inputs.length);
  const written = new BigUint64Array(outputs.length);
  return {
    run: (reads, writes) => {
      for (const [i, tensor] of reads.entries()) read[i] = (tensor as View).at;
      for (const [i, tensor] of writes.entries()) written[i] = (tensor as View).at;
      const ends = [from.pointers, read, read.length, to.pointers, written.length, written] as const;
      c.call('Run', session, runOptions, ...ends);
    },
    dispose: () => {
      if (options.profile !== undefined) endProfiling(c, session);
      c.release('ReleaseSession', session);
    },
  };
}

/** The same settings as of the binding's sessions. */
function sessionOptions(c: CInterface, { threads, profile }: SessionOptions, arena: boolean): bigint {
  const settings = c.make('CreateSessionOptions');
  c.call('SetIntraOpNumThreads', settings, threads);
  c.call('SetInterOpNumThreads', settings, 1);
  c.call('SetSessionExecutionMode', settings, SEQUENTIAL);
  c.call('SetSessionGraphOptimizationLevel', settings, NO_OPTIMISATION);
  c.call('DisableMemPattern', settings);
  c.call('DisableCpuMemArena', settings);
  c.call('SetSessionLogSeverityLevel', settings, SEVERITY_FATAL);
  const set = (key: string): void => {
    c.call('AddSessionConfigEntry', settings, `session.${key}`, '1');
  };
  set('force_spinning_stop');
  if (arena) {
    set('use_env_allocators');
    // Constants live as long as their session: among interim values they would be in the way.
    set('use_device_allocator_for_initializers');
  }
  if (profile !== undefined) c.call('EnableProfiling', settings, nextProfile(profile));
  return settings;
}

function endProfiling(c: CInterface, session: bigint): void {
  const allocator = c.make('GetAllocatorWithDefaultOptions');
  c.call('AllocatorFree', allocator, c.make('SessionEndProfiling', session, allocator));
}
