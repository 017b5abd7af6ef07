import { createRequire } from 'node:module';

/** Whether freed memory stays mapped in this process. */
export interface MallocState {
  /** Freed blocks are kept for the next ones. */
  kept: boolean;
  /** One line: what was done, or why nothing was. */
  reason: string;
}

/** Parameters of glibc's mallopt (malloc.h). */
const M_TRIM_THRESHOLD = -1;
const M_TOP_PAD = -2;
const M_MMAP_THRESHOLD = -3;
const M_MMAP_MAX = -4;

/** Blocks from here on are mapped and unmapped one by one: few programs have any. */
const MAPPED_FROM = 2 ** 30;
/** The heap grows by this much more than was asked for. */
const PAD = 2 ** 26;
/** For the trim threshold: never. */
const NEVER = -1;

/** Whoever sets one of these, by the older variables or by tunables, has chosen already. */
const SETTINGS = ['mmap_threshold', 'mmap_max', 'trim_threshold', 'top_pad'];

let state: MallocState | undefined;
/** glibc's malloc_trim, where freed memory is kept. */
let trim: ((pad: number) => unknown) | undefined;

/**
 * Tells glibc's allocator to keep what is freed. By default it asks the kernel for every block of more than 32 MiB
 * (less at first) and gives it back afterwards, so each step of training faults in every page of its large tensors
 * anew. Process-wide, once; `FERRY_MALLOC=off` leaves the allocator alone, and so do settings of glibc's own in the
 * environment.
 *
 * @throws Error for another value of `FERRY_MALLOC`.
 */
export function keepFreedMemory(): MallocState {
  state ??= decide();
  return state;
}

/**
 * Gives the kernel back what {@link keepFreedMemory} keeps and nothing uses now: when a compiled function has gone, the
 * next one's tensors will have other sizes, and what fits none of them would add up.
 */
export function returnFreedMemory(): void {
  trim?.(0);
}

function decide(environment = process.env): MallocState {
  const left = (reason: string): MallocState => ({ kept: false, reason });
  const wanted = environment['FERRY_MALLOC']?.trim() ?? '';
  if (wanted === 'off') return left('left alone: FERRY_MALLOC=off');
  if (wanted !== '' && wanted !== 'on') throw new Error(`FERRY_MALLOC must be on or off, got '${wanted}'`);
  const tunables = environment['GLIBC_TUNABLES'] ?? '';
  for (const name of SETTINGS) {
    const variable = `MALLOC_${name.toUpperCase()}_`;
    if (environment[variable] !== undefined) return left(`left alone: ${variable} is set`);
    if (tunables.includes(`glibc.malloc.${name}=`)) return left(`left alone: GLIBC_TUNABLES sets ${name}`);
  }
  if (process.platform !== 'linux')
    return left(`left alone: not glibc but the allocator of ${process.platform}`);
  let library: Library;
  try {
    library = loadLibrary();
  } catch {
    return left(
      "left alone: the optional package 'koffi' is not installed or has no binary for this machine",
    );
  }
  try {
    return configure(library);
  } catch {
    return left('left alone: the C library is not glibc');
  }
}

/** What is used of koffi. */
interface Library {
  func(signature: string): (...args: number[]) => unknown;
}

/** The process itself, whose C library is loaded already. */
function loadLibrary(): Library {
  const koffi = createRequire(import.meta.url)('koffi') as { load(path: null): Library };
  return koffi.load(null);
}

function configure(library: Library): MallocState {
  const version = library.func('const char *gnu_get_libc_version()')() as string;
  const mallopt = library.func('int mallopt(int, int)');
  mallopt(M_TRIM_THRESHOLD, NEVER);
  mallopt(M_TOP_PAD, PAD);
  // Before 2.35 glibc refuses a threshold above 32 MiB, but not to map nothing at all.
  if (mallopt(M_MMAP_THRESHOLD, MAPPED_FROM) !== 1) mallopt(M_MMAP_MAX, 0);
  trim = library.func('int malloc_trim(size_t)');
  return {
    kept: true,
    reason: `glibc ${version} keeps freed memory (FERRY_MALLOC=off: as it is by default)`,
  };
}
