/**
 * Control characters (C0, DEL, C1), line separators, and the marks that reverse the direction of text: what a title
 * from somebody's data could use to move the cursor, rename the window or hide what follows.
 */

const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g;

/** Text as one line that a terminal prints and does not obey: each run of control characters becomes a space. */
export function printable(text: string): string {
  return text.replace(unprintable, ' ');
}

/** {@link printable} of each line of a text. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
