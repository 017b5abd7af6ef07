/** A PyTorch twin that takes turns with what is measured here, so that a machine's good and bad minutes meet both sides. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { DidNotRun, parityScript, threadsOf, whyEnded } from './programs.ts';

/** Long enough for the other side's threads to stop spinning: OpenMP's wait 200 ms for more work. */
export const QUIET_MS = 300;

/** A side that runs some steps when asked, and tells the seconds of each. */
export interface Side {
  /** @throws DidNotRun for a program that has ended. */
  run(steps: number): Promise<number[]>;
  end(): void;
}

/** A twin of tools/parity that takes turns (`take_turns`), and the steps of an epoch. */
export async function turnTwin(
  script: string,
  args: readonly string[],
  { python, threads }: { python: string; threads: string },
): Promise<Side & { count: number }> {
  const child = spawn(python, [parityScript(script), '--speed', ...args], {
    env: { ...process.env, ...threadsOf(threads) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<DidNotRun>((resolve) => {
    child.on('error', (error) => {
      resolve(whyEnded({ stderr, status: null, signal: null, error }));
    });
    child.on('close', (status, signal) => {
      resolve(whyEnded({ stderr, status, signal }));
    });
  });
  // What is written to a program that has ended is lost; its end is found by what it does not answer.
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  return {
    count: Number(first.value),
    run: async (steps) => {
      if (first.done) throw await ended;
      child.stdin.write(`${steps}\n`);
      const next = await lines.next();
      if (next.done) throw await ended;
      return JSON.parse(next.value) as number[];
    },
    end: () => {
      child.stdin.end();
    },
  };
}

/**
 * Seconds of `steps` steps of every side after three that warm up, in `turns` turns; a side whose program ends drops out
 * and the others go on.
 */
export async function inTurns(
  sides: readonly Side[],
  steps: number,
  turns = 4,
): Promise<(number[] | DidNotRun)[]> {
  const found: (number[] | DidNotRun)[] = sides.map(() => []);
  for (let turn = 0; turn <= turns; turn++)
    for (const [s, side] of sides.entries()) {
      const own = found[s]!;
      if (own instanceof DidNotRun) continue;
      try {
        if (turn > 0) await sleep(QUIET_MS);
        const seconds = await side.run(turn === 0 ? 3 : Math.ceil(steps / turns));
        if (turn > 0) own.push(...seconds);
      } catch (error) {
        if (!(error instanceof DidNotRun)) throw error;
        found[s] = error;
      }
    }
  return found;
}
