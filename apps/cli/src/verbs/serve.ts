import { Command, InvalidArgumentError } from 'commander';
import { jobConsole } from '../console.ts';
import { allowModelOption, checkpointOption } from '../options.ts';
import { loadAction, runModels } from '../ownModel.ts';

interface Options {
  on?: string;
  checkpoint: 'best' | 'last';
  host: string;
  port: number;
  allowModel?: string[];
}

/** Reads a port. */
function portOf(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('must be a port, 0 to 65535.');
  return value;
}

/** `ferry serve`. */
export function serveVerb(): Command {
  return new Command('serve')
    .description('answers over HTTP with the recommendations of a run, and takes clicks')
    .argument('<run>', 'a run directory of a model of sequences or of news')
    .option('--on <domain>', 'another domain than the one the run was trained on (runs without IDs only)')
    .addOption(checkpointOption())
    .option('--host <address>', 'where to listen; anybody who reaches it can ask', '127.0.0.1')
    .option('--port <n>', '0 for any that is free', portOf, 8080)
    .addOption(allowModelOption())
    .action(async (run: string, options: Options) => {
      const models = await runModels(run, options.allowModel);
      const { serveRun } = await loadAction('serve', () => import('../actions/serve.ts'), models);
      await serveRun(run, options, jobConsole());
    });
}
