/** Other programs that benchmarks run: what they print, or why they gave no figure. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Why a program gave no figure: its row says so, and the others go on. */
export class DidNotRun extends Error {
  override toString(): string {
    return `did not run: ${this.message}`;
  }
}

/** How a program ended, as Node tells it. */
interface Ending {
  readonly stderr: string | null;
  readonly status: number | null;
  readonly signal: string | null;
  readonly error?: Error;
}

/** The line that a program wrote last about its end, or else what ended it; it fits into a cell of a table. */
export function whyEnded({ stderr, status, signal, error }: Ending): DidNotRun {
  const last = (stderr ?? '').trim().split('\n').at(-1)!.replaceAll('|', '/');
  const ended = signal === null ? `ended with status ${status ?? 'unknown'}` : `ended by ${signal}`;
  return new DidNotRun(error?.message ?? (signal === null && last !== '' ? last : ended));
}

/** What a program prints that reads `input`. */
export function printed(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  input = '',
): string | DidNotRun {
  const ended = spawnSync(command, args, {
    encoding: 'utf8',
    input,
    maxBuffer: 1 << 26,
    env: { ...process.env, ...environment },
  });
  return ended.status === 0 ? ended.stdout : whyEnded(ended);
}

/** The line of JSON that another side's program prints last, or {@link DidNotRun}. */
export function reading(command: string, args: readonly string[]): unknown {
  const text = printed(command, args);
  return text instanceof DidNotRun ? text : JSON.parse(text.trim().split('\n').at(-1)!);
}

/** The same of a program of our own, which must not fail. */
export function ownReading(command: string, args: readonly string[]): unknown {
  const found = reading(command, args);
  if (found instanceof DidNotRun) throw new Error(`${command} ${args.join(' ')} ${String(found)}`);
  return found;
}

/** A script of tools/parity. */
export const parityScript = (name: string): string =>
  fileURLToPath(new URL(`../parity/${name}`, import.meta.url));

/** What libraries read of how many threads to take. */
export const threadsOf = (threads: string): Record<string, string> => ({
  OMP_NUM_THREADS: threads,
  MKL_NUM_THREADS: threads,
});

/** The figures that a PyTorch twin prints, a line of JSON for some of them. */
export function twin(
  script: string,
  args: readonly string[],
  { python, threads }: { python: string; threads: string },
): Readonly<Record<string, number>> | DidNotRun {
  const text = printed(python, [parityScript(script), ...args], threadsOf(threads));
  if (text instanceof DidNotRun) return text;
  const lines = text.split('\n').filter((line) => line.startsWith('{'));
  return Object.assign({}, ...lines.map((line) => JSON.parse(line) as object)) as Record<string, number>;
}

/** A side's seconds and how many times ours they are. */
export function times(seconds: number | DidNotRun, own: number): string {
  return seconds instanceof DidNotRun
    ? String(seconds)
    : `${seconds.toFixed(1)} (${(seconds / own).toFixed(2)}x)`;
}
