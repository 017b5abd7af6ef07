import { RecipeError, UserError } from '@ferry/transfer-study/config';
import colours from 'picocolors';

/** Names of errors whose message is meant for the user. */
const known = ['InputError', 'WriteError', 'NonFiniteError', 'DamagedCheckpointError', 'RunError'];

/**
 * What a failed command prints.
 *
 * @param error - Whatever was thrown.
 * @param debug - Whether to show where it came from.
 */
export function describeError(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return `${colours.red('error')} ${String(error)}`;
  const head = `${colours.red('error')} ${error.message}`;
  if (debug) return `${head}\n${error.stack ?? ''}`;
  const expected = error instanceof RecipeError || error instanceof UserError || known.includes(error.name);
  return expected ? head : `${head}\n${colours.dim('(--debug shows where this came from)')}`;
}
