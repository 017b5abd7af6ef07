// What `ferry serve` loads when it is run, and nothing else.
import { openServing, type OpenRunOptions } from '@ferry/studies';
import type { VerbConsole } from '../console.ts';
import { models } from '../models.ts';
import { serve, type ServeOptions } from '../serve/server.ts';

export { addModels } from '../models.ts';

/**
 * Serves a run until the process is told to end; told to hang up (SIGHUP), it reads the run again and goes on with what
 * it finds.
 */
export async function serveRun(
  run: string,
  { host, port, ...options }: OpenRunOptions & Pick<ServeOptions, 'host' | 'port'>,
  console: VerbConsole,
): Promise<void> {
  const open = (): ReturnType<typeof openServing> => openServing(run, options, { ...console, models });
  const served = await open();
  const log = (message: string): void => void process.stderr.write(`${message}\n`);
  const server = await serve(served, {
    ...{ host, port, log },
  });
  console.line(`${served.model} on ${served.domain}, ${served.items} items, from ${served.checkpoint}`);
  console.line(`${server.address} answers; Ctrl-C ends it, SIGHUP reads the run again`);
  let reading = false;
  process.on('SIGHUP', () => {
    if (reading) return;
    reading = true;
    open()
      .then((next) => server.swap(next))
      .then(() => {
        console.line(`read ${run} again`);
      })
      .catch((error: unknown) => {
        log(`${run} could not be read again: ${error instanceof Error ? error.message : String(error)}`);
      })
      .finally(() => (reading = false));
  });
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        resolve();
      });
  });
  await server.close();
}
