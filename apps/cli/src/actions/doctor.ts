import { spawn } from 'node:child_process';
import {
  automaticChoice,
  describeMachine,
  tryBackend,
  type AutomaticChoice,
  type BackendSpec,
  type BackendTrial,
  type Machine,
} from '@ferry/engine';

export { tryBackend };

/** Everything that can compute, what is asked of it first. */
export const backendNames = [
  'ort:cpu',
  'ort:cuda',
  'ort:webgpu',
  'tensorflow',
  'wasm',
  'cpu',
] as const satisfies readonly BackendSpec[];

/** Seconds after which a backend that does not answer is given up. */
const patience = 120;

/** A backend, what came of trying it, and what to do where it does not work. */
export interface Finding extends BackendTrial {
  readonly backend: BackendSpec;
  readonly next?: string;
}

/** What a machine can compute with. */
export interface Diagnosis {
  readonly machine: Machine;
  readonly auto: AutomaticChoice;
  readonly backends: readonly Finding[];
}

/** What to do about a backend that does not work; nothing where its reason says it. */
function nextStep(
  backend: BackendSpec,
  { cards, platform }: Machine,
  complaints: string,
): string | undefined {
  if (backend === 'ort:cuda' && cards.length === 0)
    return 'nothing, unless there is an NVIDIA GPU: then its driver, so that nvidia-smi runs';
  if (backend === 'ort:webgpu' && platform.startsWith('linux'))
    return complaints.includes('libvulkan')
      ? 'apt-get install libvulkan1 mesa-vulkan-drivers (or the driver of the GPU)'
      : 'a Vulkan driver of the GPU: vulkaninfo --summary says which there are';
  return undefined;
}

/**
 * Tries a backend in a process of its own: a native library that fails may write what it likes, or end the process.
 *
 * @param command - What runs `ferry`: the program and its first arguments.
 */
function tryApart(
  backend: BackendSpec,
  command: readonly string[],
): Promise<{ trial: BackendTrial; errors: string }> {
  const [program, ...rest] = command;
  return new Promise((done) => {
    const child = spawn(program!, [...rest, 'doctor', '--try', backend], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 1000 * patience,
    });
    let [out, errors] = ['', ''];
    child.stdout.on('data', (text: Buffer) => (out += text.toString()));
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
    const failed = (reason: string): void => {
      done({ trial: { works: false, reason }, errors });
    };
    child.on('error', ({ message }) => {
      failed(`it could not be tried: ${message}`);
    });
    child.on('close', (code, signal) => {
      const last = out.trim().split('\n').at(-1) ?? '';
      if (code === 0 && last.startsWith('{')) done({ trial: JSON.parse(last) as BackendTrial, errors });
      else if (signal === 'SIGTERM') failed(`it gave no answer in ${patience} seconds`);
      else failed(`it ended the process with ${signal ?? `code ${String(code)}`}`);
    });
  });
}

/** What `auto` takes; nothing, where `FERRY_BACKEND` names what does not work. */
function choice(): Diagnosis['auto'] {
  try {
    return automaticChoice();
  } catch (error) {
    return { takes: 'nothing', reason: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Looks what this machine can compute with: its parts, every backend tried out one after the other, what `auto` takes.
 *
 * @param command - What runs `ferry`.
 * @param say - Told of each backend before it is tried.
 */
export async function diagnose(
  command: readonly string[],
  say: (backend: string) => void = () => undefined,
): Promise<Diagnosis> {
  const machine = describeMachine();
  const backends: Finding[] = [];
  for (const backend of backendNames) {
    say(backend);
    const { trial, errors } = await tryApart(backend, command);
    const next = trial.works ? undefined : nextStep(backend, machine, errors);
    backends.push({ backend, ...trial, next });
  }
  return { machine, auto: choice(), backends };
}
