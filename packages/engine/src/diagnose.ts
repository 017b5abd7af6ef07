import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { tf } from '@ferry/tfjs-backend-ort';
import { describe, processor, selectBackend, commonVersions } from './backend.ts';
import { chooseBackend } from './choose.ts';
import { machineProbes } from './probes.ts';
import { parseRequest, type BackendSpec } from './request.ts';

/** A graphics card that its driver reports. */
export interface GraphicsCard {
  /** As the driver calls it. */
  readonly name: string;
  /** Version of the driver. */
  readonly driver: string;
  /** Its memory in GiB. */
  readonly memoryGiB: number;
}

/** What a machine has to compute with. */
export interface Machine {
  /** Operating system and architecture. */
  readonly platform: string;
  /** The processor. */
  readonly processor: string;
  /** Processors of the machine. */
  readonly processors: number;
  /** Threads that the process may use, and uses unless told otherwise. */
  readonly threads: number;
  /** Memory in GiB: of the machine, or what this process is limited to. */
  readonly memoryGiB: number;
  /** Of it free, in GiB. */
  readonly freeGiB: number;
  /** NVIDIA's cards. */
  readonly cards: readonly GraphicsCard[];
  /** Versions of the libraries. */
  readonly versions: Readonly<Record<string, string>>;
}

const gib = (bytes: number): number => bytes / 2 ** 30;

/** NVIDIA's cards by the driver's own tool; none where it is missing or fails. */
function graphicsCards(): GraphicsCard[] {
  try {
    const report = execFileSync(
      'nvidia-smi',
      ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader,nounits'],
      { encoding: 'utf8', timeout: 10_000, stdio: ['ignore', 'pipe', 'ignore'] },
    );
    return report
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => {
        const [name = '', driver = '', memory = ''] = line.split(',').map((cell) => cell.trim());
        return { name, driver, memoryGiB: Number(memory) / 1024 };
      });
  } catch {
    return [];
  }
}

/** What this machine has. Loads no backend. */
export function describeMachine(): Machine {
  const { threads } = parseRequest('auto', {}, process.env);
  // 0 or beyond the machine: no limit.
  const limit = process.constrainedMemory();
  const memory = limit > 0 && limit < totalmem() ? limit : totalmem();
  return {
    platform: `${process.platform} ${process.arch}`,
    processor: processor(),
    processors: cpus().length,
    threads: threads ?? availableParallelism(),
    memoryGiB: gib(memory),
    freeGiB: gib(Math.min(freemem(), memory)),
    cards: graphicsCards(),
    versions: commonVersions(),
  };
}

/** What is computed with where nobody names a backend. */
export interface AutomaticChoice {
  /** A backend, and `ort` with its execution provider: `ort:cpu`. */
  readonly takes: string;
  /** Why this one. */
  readonly reason: string;
}

/** What `auto` takes here, or what `FERRY_BACKEND` names in its place. */
export function automaticChoice(): AutomaticChoice {
  const request = parseRequest('auto', {}, process.env);
  const { backend, provider, reason } = chooseBackend(
    request,
    machineProbes(request.threads ?? availableParallelism()),
  );
  return { takes: backend === 'ort' ? `ort:${provider}` : backend, reason };
}

/** What became of a backend that was tried. */
export interface BackendTrial {
  /** It computed, and rightly. */
  readonly works: boolean;
  /** Why it does not, in one line; empty where it works. */
  readonly reason: string;
  /** Threads of an operation. */
  readonly threads?: number;
  /** What it computed with. */
  readonly device?: string;
  /** Billions of multiplications and additions a second in a product of two [512, 512] matrices. */
  readonly gigaflops?: number;
}

const side = 512;

/**
 * Tries a backend out: a product of two matrices, compared with what it must be, and timed. A native library that fails
 * may write to standard error or end the process: best done in a process of its own.
 */
export async function tryBackend(name: BackendSpec): Promise<BackendTrial> {
  try {
    const { threads, device } = await selectBackend(name, { log: () => undefined });
    // Row i of a is i mod 7 everywhere, column j of b is j mod 5: entry (i, j) is the product of both, times 512.
    const entries = (value: (row: number, column: number) => number): Float32Array =>
      Float32Array.from({ length: side * side }, (_, at) => value(Math.floor(at / side), at % side));
    const a = tf.tensor2d(
      entries((row) => row % 7),
      [side, side],
    );
    const b = tf.tensor2d(
      entries((_, column) => column % 5),
      [side, side],
    );
    const product = async (): Promise<Float32Array> => {
      const made = tf.matMul(a, b);
      const values = (await made.data()) as Float32Array;
      made.dispose();
      return values;
    };
    const wrong = (await product()).findIndex(
      (value, at) => value !== side * (Math.floor(at / side) % 7) * ((at % side) % 5),
    );
    if (wrong >= 0)
      return { works: false, reason: `${describe().backend} computes wrongly: a matrix product differs` };
    const times: number[] = [];
    for (const end = performance.now() + 300; performance.now() < end || times.length < 2;) {
      const start = performance.now();
      await product();
      times.push(performance.now() - start);
    }
    tf.dispose([a, b]);
    return {
      works: true,
      reason: '',
      threads,
      device,
      gigaflops: (2 * side ** 3) / Math.min(...times) / 1e6,
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { works: false, reason: message.replace(/^selectBackend: .*? is not available: /, '') };
  }
}
