// What `ferry replay` loads when it is run, and nothing else.
import {
  followRun,
  formatFollowed,
  formatReplay,
  replayRun,
  type OpenRunOptions,
  type ReplayOptions,
} from '@ferry/studies';
import type { VerbConsole } from '../console.ts';
import { models } from '../models.ts';
import { print, printJson } from '../print.ts';

export { addModels } from '../models.ts';

/** Replays a run and prints what it found. */
export async function printReplay(
  run: string,
  { json = false, ...options }: ReplayOptions & { json?: boolean },
  console: VerbConsole,
): Promise<void> {
  const quiet = json ? { ...console, line: () => undefined } : console;
  const found = await replayRun(run, options, { ...quiet, models });
  if (json) printJson(found);
  else print(formatReplay(found));
}

/** Follows the users of a run's test and prints what it found. */
export async function printFollowed(
  run: string,
  { json = false, checkpoint }: OpenRunOptions & { json?: boolean },
  console: VerbConsole,
): Promise<void> {
  const found = await followRun(run, { checkpoint }, { ...console, models });
  if (json) printJson(found);
  else print(formatFollowed(found));
}
