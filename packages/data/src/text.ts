import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { InputError, quoted } from './errors.ts';

const lineFeed = 10;

const utf16 = (order: 'little' | 'big'): string =>
  `UTF-16 (${order}-endian): convert it, for example iconv -f UTF-16${order === 'little' ? 'LE' : 'BE'} -t UTF-8`;
const utf32 = 'UTF-32: convert it, for example iconv -f UTF-32 -t UTF-8';

/** Kinds of files that are no plain UTF-8 text, by their first bytes, and what to do with them. */
const kinds: readonly [first: readonly number[], what: string][] = [
  [[0x1f, 0x8b], 'gzip: unpack it first (gunzip), whatever its name says'],
  [[0x50, 0x4b, 3, 4], 'a zip archive: unpack it first'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd: unpack it first'],
  [[0x42, 0x5a, 0x68], 'bzip2: unpack it first'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'xz: unpack it first'],
  [[0x37, 0x7a, 0xbc, 0xaf], '7z: unpack it first'],
  [[0x50, 0x41, 0x52, 0x31], 'Parquet'],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF'],
  // UTF-16 of the same order begins like it.
  [[0xff, 0xfe, 0, 0], utf32],
  [[0, 0, 0xfe, 0xff], utf32],
  [[0xff, 0xfe], utf16('little')],
  [[0xfe, 0xff], utf16('big')],
];

/** Whether a byte is a character of ASCII that text begins with. */
const isPlain = (byte: number | undefined): boolean => byte !== undefined && byte >= 9 && byte < 127;

/** The order of bytes of UTF-16 without a mark, whose first two characters are of ASCII. */
function unmarkedOrder([a, b, c, d]: Uint8Array): 'little' | 'big' | undefined {
  if (isPlain(a) && b === 0 && isPlain(c) && d === 0) return 'little';
  return a === 0 && isPlain(b) && c === 0 && isPlain(d) ? 'big' : undefined;
}

/**
 * What a file is that is no plain text in UTF-8, and what to do with it.
 *
 * @param head - Its first bytes.
 * @returns Undefined where they say nothing of the kind.
 */
export function otherKind(head: Uint8Array): string | undefined {
  const known = kinds.find(([first]) => first.every((byte, at) => head[at] === byte));
  if (known) return known[1];
  const order = unmarkedOrder(head);
  return order && utf16(order);
}

/** Where a line stops being UTF-8: the column, counted from 1, and the byte there. */
function firstWrong(line: Buffer): { column: number; byte: number } {
  const text = line.toString('utf8');
  let offset = 0;
  let column = 1;
  for (const character of text) {
    // A replacement character that the line itself holds has three bytes.
    const own = line.subarray(offset, offset + 3);
    if (character === '\uFFFD' && own.toString('latin1') !== '\xEF\xBF\xBD') break;
    offset += Buffer.byteLength(character);
    column++;
  }
  return { column, byte: line[offset]! };
}

/** Encodings of text that can be read. */
export type Encoding = 'utf-8' | 'latin1';

/** Whether bytes, cut between characters, are text: decoding would replace others and make two ids one. */
export function isText(bytes: Buffer, encoding: Encoding = 'utf-8'): boolean {
  return (encoding === 'latin1' || isUtf8(bytes)) && !bytes.includes(0);
}

/** Why a line is no text; undefined if it is. */
function wrongText(line: Buffer, encoding: Encoding): string | undefined {
  const nul = line.indexOf(0);
  if (nul >= 0)
    return (
      `text must be UTF-8, got a NUL byte at column ${line.toString('utf8', 0, nul).length + 1}: a binary or ` +
      'damaged file, or UTF-16'
    );
  if (isText(line, encoding)) return undefined;
  const { column, byte } = firstWrong(line);
  return (
    `text must be UTF-8, got byte 0x${byte.toString(16).toUpperCase()} at column ${column} of ` +
    `${quoted(line.toString('latin1'))}: ` +
    'perhaps Latin-1; convert the file, for example iconv -f WINDOWS-1252 -t UTF-8'
  );
}

/**
 * Calls `visit` with each line that is no text, counted from 1, and why.
 *
 * @param block - Whole lines.
 */
export function eachWrongLine(
  block: Buffer,
  visit: (line: number, rule: string) => void,
  encoding: Encoding = 'utf-8',
): void {
  let line = 0;
  for (let start = 0; start < block.length;) {
    const next = block.indexOf(lineFeed, start);
    const end = next < 0 ? block.length : next;
    line++;
    const rule = wrongText(block.subarray(start, end), encoding);
    if (rule !== undefined) visit(line, rule);
    start = end + 1;
  }
}

/** A file's text without the byte order mark that it may begin with. */
export function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '');
}

/**
 * The text of a whole file, without a byte order mark.
 *
 * @param file - Its name in errors.
 * @throws InputError naming file and line where it is no text in UTF-8.
 */
export function textOf(bytes: Buffer, file: string): string {
  const kind = otherKind(bytes);
  if (kind !== undefined)
    throw new InputError(file, undefined, `the file must be text in UTF-8, got ${kind}`);
  if (!isText(bytes))
    eachWrongLine(bytes, (line, rule) => {
      throw new InputError(file, line, rule);
    });
  return withoutMark(bytes.toString('utf8'));
}

/**
 * The text of a file, without a byte order mark.
 *
 * @returns Undefined if there is no such file.
 * @throws InputError naming the file where it cannot be read, and as {@link textOf} does.
 */
export async function readTextFile(file: string): Promise<string | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new InputError(file, undefined, code === 'EISDIR' ? 'a file is needed, got a directory' : message);
  }
  return textOf(bytes, file);
}
