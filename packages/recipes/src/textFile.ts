import { readFileSync } from 'node:fs';
import { textOf } from '@ferry/data';
import { UserError } from './errors.ts';

/** Bytes of a file that a user named. */
function bytesOf(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UserError(`no such ${what}: ${file}`);
    if (code === 'EISDIR') throw new UserError(`${file} must be a ${what}, got a directory`);
    throw new UserError(`${file} cannot be read: ${message}`);
  }
}

/**
 * The text of a file that a user named, without a byte order mark.
 *
 * @param what - What it is, in words, such as `recipe file`.
 * @throws UserError naming the file if it is missing or a directory; InputError if it is no text in UTF-8.
 */
export function readText(file: string, what: string): string {
  return textOf(bytesOf(file, what), file);
}
