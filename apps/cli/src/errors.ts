import { printableLines } from '@ferry/report';
import colours from 'picocolors';

/** Errors of the program itself; all others were written for the user. */
const bugs = ['TypeError', 'ReferenceError', 'SyntaxError', 'AssertionError'];

/** What JavaScript and ONNX Runtime say where an array is larger than can be; a negative length is a fault of ours. */
const tooLarge = [
  /^Invalid (array|string) length/,
  /^Invalid typed array length: \d/,
  /^Array buffer allocation failed/,
  /Failed to allocate memory|bad_alloc/,
];

/** An error's message; where it is of the machine alone, what the user can do about it. */
function wordsOf({ message }: Error): string {
  if (!tooLarge.some((said) => said.test(message))) return message;
  return (
    `there is not enough memory for an array (${message}): make smaller what it grows with, for example ` +
    'objective.negatives, a batch size, model.width or model.positions'
  );
}

/**
 * What a failed command prints.
 *
 * @param error - Whatever was thrown.
 * @param debug - Whether to show where it came from.
 */
export function describeError(error: unknown, debug: boolean): string {
  const message = printableLines(error instanceof Error ? wordsOf(error) : String(error));
  const head = `${colours.red('error')} ${message}`;
  if (!(error instanceof Error)) return head;
  if (debug) return `${head}\n${printableLines(error.stack ?? '')}`;
  return bugs.includes(error.name) ? `${head}\n${colours.dim('(--debug shows where this came from)')}` : head;
}
