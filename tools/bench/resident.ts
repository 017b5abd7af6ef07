import { readFileSync } from 'node:fs';

/** MiB of this process that are resident now, or were at most. Linux alone tells. */
export function resident(when: 'now' | 'at most'): number {
  const name = when === 'now' ? 'VmRSS' : 'VmHWM';
  const [, kibibytes] = new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'))!;
  return Number(kibibytes) / 1024;
}
