import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
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
 * @throws UserError naming the file if it is missing, a directory, or no text in UTF-8.
 */
export function readText(file: string, what: string): string {
  const bytes = bytesOf(file, what);
  if (!isUtf8(bytes) || bytes.includes(0)) {
    const lines = bytes.toString('latin1').split('\n');
    const wrong = lines.findIndex((line) => !isUtf8(Buffer.from(line, 'latin1')) || line.includes('\0'));
    throw new UserError(
      `${file}:${wrong + 1}: a ${what} must be text in UTF-8, got other bytes: perhaps Latin-1; convert the file, for ` +
        'example iconv -f WINDOWS-1252 -t UTF-8',
    );
  }
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
}
