// What `ferry elliot` loads when it is run, and nothing else.
import { openElliot, runElliot } from '@ferry/studies';
import type { VerbConsole } from '../console.ts';
import { models } from '../models.ts';

export { openElliot };

/** Runs a configuration of Elliot with the models there are. */
export async function elliot(file: string, console: VerbConsole): Promise<void> {
  await runElliot(file, { ...console, models });
}
