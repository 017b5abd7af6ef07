import { printableLines } from '@ferry/report';
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
  const message = printableLines(error instanceof Error ? error.message : String(error));
  const head = `${colours.red('error')} ${message}`;
  if (!(error instanceof Error)) return head;
  if (debug) return `${head}\n${printableLines(error.stack ?? '')}`;
  return bugs.includes(error.name) ? `${head}\n${colours.dim('(--debug shows where this came from)')}` : head;
}
