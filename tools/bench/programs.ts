// Programs that are measured in a process of their own, so that their peak of memory is theirs.
import { spawnSync } from 'node:child_process';

/** Runs a program, and gives the line of JSON that it prints last. */
export function reading(command: string, args: readonly string[]): unknown {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}
