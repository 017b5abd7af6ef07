import colours from 'picocolors';

/** Errors of the program itself; all others were written for the user. */
const bugs = ['TypeError', 'ReferenceError', 'SyntaxError', 'AssertionError'];

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
  return bugs.includes(error.name) ? `${head}\n${colours.dim('(--debug shows where this came from)')}` : head;
}
