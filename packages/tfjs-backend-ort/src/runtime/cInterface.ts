import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * Places of functions in OrtApi (onnxruntime_c_api.h; the table only ever grows at its end), what they give and what
 * they take.
 */
const TABLE = {
  GetErrorMessage: [2, 'const char *', 'void *'],
  CreateEnv: [3, 'void *', 'int, const char *, void *'],
  CreateSessionFromArray: [8, 'void *', 'void *, void *, size_t, void *, void *'],
  Run: [9, 'void *', 'void *, void *, void *, void *, size_t, void *, size_t, void *'],
  CreateSessionOptions: [10, 'void *', 'void *'],
  SetSessionExecutionMode: [13, 'void *', 'void *, int'],
  EnableProfiling: [14, 'void *', 'void *, const char *'],
  DisableMemPattern: [17, 'void *', 'void *'],
  DisableCpuMemArena: [19, 'void *', 'void *'],
  SetSessionLogSeverityLevel: [22, 'void *', 'void *, int'],
  SetSessionGraphOptimizationLevel: [23, 'void *', 'void *, int'],
  SetIntraOpNumThreads: [24, 'void *', 'void *, int'],
  SetInterOpNumThreads: [25, 'void *', 'void *, int'],
  CreateRunOptions: [39, 'void *', 'void *'],
  CreateTensorWithDataAsOrtValue: [49, 'void *', 'void *, void *, size_t, void *, size_t, int, void *'],
  CreateCpuMemoryInfo: [69, 'void *', 'int, int, void *'],
  AllocatorFree: [76, 'void *', 'void *, void *'],
  GetAllocatorWithDefaultOptions: [78, 'void *', 'void *'],
  ReleaseStatus: [93, 'void', 'void *'],
  ReleaseSession: [95, 'void', 'void *'],
  ReleaseValue: [96, 'void', 'void *'],
  ReleaseRunOptions: [97, 'void', 'void *'],
  ReleaseSessionOptions: [100, 'void', 'void *'],
  SessionEndProfiling: [110, 'void *', 'void *, void *, void *'],
  AddSessionConfigEntry: [130, 'void *', 'void *, const char *, const char *'],
  CreateAndRegisterAllocator: [144, 'void *', 'void *, void *, void *'],
  CreateArenaCfgV2: [164, 'void *', 'void *, void *, size_t, void *'],
  AddRunConfigEntry: [165, 'void *', 'void *, const char *, const char *'],
} as const;

/** The version of the interface that has all of them. */
const API_VERSION = 16;

type Name = keyof typeof TABLE;
/** Functions that give no status. */
type Release = Extract<Name, `Release${string}`>;
/** What a function takes: pointers as numbers or arrays. */
export type Argument = bigint | number | string | ArrayBufferView | null;
type Call = (...args: Argument[]) => unknown;

/** What is used of koffi. */
interface Koffi {
  load(path: string): { func(signature: string): Call };
  proto(definition: string): object;
  decode(at: bigint, type: object | string, length?: number): unknown;
  address(array: ArrayBufferView): bigint;
}

/** ONNX Runtime's C interface. */
export interface CInterface {
  /**
   * Calls a function.
   *
   * @throws Error with ONNX Runtime's words if it fails.
   */
  call(name: Name, ...args: Argument[]): void;
  /** Calls a function that puts what it makes behind its last argument: where that lies. */
  make(name: Name, ...args: Argument[]): bigint;
  /** Frees something. */
  release(name: Release, at: bigint): void;
  /** Where an array begins. */
  address(array: ArrayBufferView): bigint;
}

let known: CInterface | null | undefined;

/**
 * The interface; undefined without the optional package koffi, or where the library of onnxruntime-node is not found.
 */
export function cInterface(): CInterface | undefined {
  if (known === undefined)
    try {
      known = load();
    } catch {
      known = null;
    }
  return known ?? undefined;
}

function load(): CInterface {
  const require = createRequire(import.meta.url);
  const koffi = require('koffi') as Koffi;
  const library = koffi.load(libraryPath(dirname(dirname(require.resolve('onnxruntime-node')))));
  const base = library.func('void *OrtGetApiBase()')() as bigint;
  const [getApi] = koffi.decode(base, 'uint64_t', 1) as BigUint64Array;
  const api = (koffi.decode(getApi!, koffi.proto('void *FerryGetApi(uint32_t)')) as Call)(API_VERSION);
  const length = Math.max(...Object.values(TABLE).map(([place]) => place)) + 1;
  const table = koffi.decode(api as bigint, 'uint64_t', length) as BigUint64Array;
  const calls = Object.fromEntries(
    Object.entries(TABLE).map(([name, [place, result, args]]) => [
      name,
      koffi.decode(table[place]!, koffi.proto(`${result} Ferry${name}(${args})`)),
    ]),
  ) as Record<Name, Call>;
  const call = (name: Name, ...args: Argument[]): void => {
    const status = calls[name](...args) as bigint | null;
    if (!status) return;
    const message = String(calls.GetErrorMessage(status));
    calls.ReleaseStatus(status);
    throw new Error(message);
  };
  const slot = new BigUint64Array(1);
  return {
    call,
    make: (name, ...args) => {
      call(name, ...args, slot);
      return slot[0]!;
    },
    release: (name, at) => {
      calls[name](at);
    },
    address: (array) => koffi.address(array),
  };
}

/** The shared library beside the binding, which has loaded it already. */
function libraryPath(root: string): string {
  const folder = join(root, 'bin', 'napi-v6', process.platform, process.arch);
  const names = ['libonnxruntime.so.1', 'libonnxruntime.1.dylib', 'onnxruntime.dll'];
  const found = names.map((name) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`no library of ONNX Runtime in ${folder}`);
  return found;
}

/** Names as C has them: pointers to zero-terminated text. */
export class Names {
  readonly pointers: BigUint64Array;
  /** Held, for it is pointed into. */
  readonly text: Buffer;

  constructor(c: CInterface, names: readonly string[]) {
    this.text = Buffer.from(names.map((name) => `${name}\0`).join(''));
    const start = c.address(this.text);
    let offset = 0;
    this.pointers = BigUint64Array.from(names, (name) => {
      const at = start + BigInt(offset);
      offset += Buffer.byteLength(name) + 1;
      return at;
    });
  }
}
