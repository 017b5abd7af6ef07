import { CommanderError } from 'commander';
import { describeError } from './errors.ts';
import { loadBy, type BundleWith } from './ownModel.ts';
import { buildProgram } from './program.ts';

/**
 * Runs the command line; sets the exit code, never throws.
 *
 * @param bundleWith - Loads model files of the user's; from the launcher.
 */
export async function main(argv: readonly string[], bundleWith?: BundleWith): Promise<void> {
  loadBy(bundleWith);
  // `ferry recipes | head` closes the pipe early: that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  try {
    await buildProgram().parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      return;
    }
    if (error instanceof Error && error.name === 'StoppedError') {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 130;
      return;
    }
    const debug = argv.includes('--debug') || Boolean(process.env['FERRY_DEBUG']);
    process.stderr.write(`${describeError(error, debug)}\n`);
    process.exitCode = 1;
  }
}
