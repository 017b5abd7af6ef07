/** A PyTorch twin that takes turns with what is measured here, so that a machine's good and bad minutes meet both sides. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Long enough for the other side's threads to stop spinning: OpenMP's wait 200 ms for more work. */
export const QUIET_MS = 300;

/** A side that runs some steps when asked, and tells the seconds of each. */
export interface Side {
  run(steps: number): Promise<number[]>;
  end(): void;
}

/** A twin of tools/parity that takes turns (`take_turns`), and the steps of an epoch. Undefined if it does not start. */
export async function turnTwin(
  script: string,
  args: readonly string[],
  { python, threads }: { python: string; threads: string },
): Promise<(Side & { count: number }) | undefined> {
  const file = fileURLToPath(new URL(`../parity/${script}`, import.meta.url));
  const child = spawn(python, [file, '--speed', ...args], {
    env: { ...process.env, OMP_NUM_THREADS: threads },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done) return undefined;
  return {
    count: Number(first.value),
    run: async (steps) => {
      child.stdin.write(`${steps}\n`);
      const next = await lines.next();
      if (next.done) throw new Error(`${script} ended before its turn`);
      return JSON.parse(next.value) as number[];
    },
    end: () => {
      child.stdin.end();
    },
  };
}

/** Seconds of `steps` steps of every side after three that warm up, in `turns` turns. */
export async function inTurns(
  sides: readonly (Side | undefined)[],
  steps: number,
  turns = 4,
): Promise<(number[] | undefined)[]> {
  const seconds = sides.map((side) => side && ([] as number[]));
  for (const side of sides) await side?.run(3);
  for (let turn = 0; turn < turns; turn++)
    for (const [s, side] of sides.entries()) {
      if (!side) continue;
      await sleep(QUIET_MS);
      seconds[s]!.push(...(await side.run(Math.ceil(steps / turns))));
    }
  return seconds;
}
