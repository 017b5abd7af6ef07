import type { JobConsole } from '@ferry/studies';
import { print } from './print.ts';
import { progressLine } from './progress.ts';

/** A job's console without the models, which what a verb loads brings along. */
export type VerbConsole = Omit<JobConsole, 'models'>;

/** A job's lines on standard output, its progress on standard error. */
export function jobConsole(): VerbConsole {
  const draw = progressLine();
  return {
    line: print,
    features: (domain, modality, { done, total }) => {
      draw(`${domain}: ${modality} features`, done, total);
    },
    training: process.stderr,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  };
}
