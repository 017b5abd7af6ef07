import { printableLines } from '@ferry/report';

/** Prints lines of a result; whatever in them came from data, the terminal prints it and does not obey it. */
export function print(text: string): void {
  process.stdout.write(`${printableLines(text)}\n`);
}

/** Prints a result as JSON, in which no control character stands as it is. */
export function printJson(value: unknown): void {
  const text = JSON.stringify(value, null, 2);
  const escaped = text.replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  process.stdout.write(`${escaped}\n`);
}
