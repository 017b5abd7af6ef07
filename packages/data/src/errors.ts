/** An input file that breaks its format. The message names file, line, rule and value. */
export class InputError extends Error {
  /** The file at fault. */
  readonly file: string;
  /** Its line, counted from 1; undefined when the file as a whole is at fault. */
  readonly line: number | undefined;

  /**
   * @param file - The file at fault.
   * @param line - Its line, counted from 1, or undefined.
   * @param rule - What was expected and what was found.
   */
  constructor(file: string, line: number | undefined, rule: string) {
    super(`${file}${line === undefined ? '' : `:${line}`}: ${rule}`);
    this.name = 'InputError';
    this.file = file;
    this.line = line;
  }
}

/** A value as it should appear in a message: quoted, and cut to 60 characters. */
export function quoted(value: unknown): string {
  // JSON has no word for NaN and infinities.
  const plain = value === undefined || (typeof value === 'number' && !Number.isFinite(value));
  const text = plain ? String(value) : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
