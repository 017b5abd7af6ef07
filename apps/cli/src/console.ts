import type { JobConsole } from '@ferry/studies';
import { print } from './print.ts';
import { progressLine } from './progress.ts';

/** A job's lines on standard output, its progress on standard error. */
export function jobConsole(): JobConsole {
  const draw = progressLine();
  return {
    line: print,
    features: (domain, modality, { done, total }) => {
      draw(`${domain}: ${modality} features`, done, total);
    },
    training: process.stderr,
    models: async (name) => (await import('./models.ts')).modelNamed(name),
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  };
}
