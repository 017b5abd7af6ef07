import { isUtf8 } from 'node:buffer';
import { open, type FileHandle } from 'node:fs/promises';
import { InputError, quoted } from './errors.ts';

/** Bytes read at once; a longer line makes the buffer grow, up to {@link longestLine}. */
const blockSize = 4 << 20;
const longestLine = 1 << 29;

const lineFeed = 10;
const carriageReturn = 13;

/**
 * Called with each line that is not empty.
 *
 * @param bytes - Holds the line at `[start, end)`, without its line end; overwritten after the call.
 * @param line - Its number, counted from 1, empty lines included.
 */
export type LineVisitor = (bytes: Buffer, start: number, end: number, line: number) => void;

/** Kinds of files that are no plain UTF-8 text, by their first bytes, and what to do with them. */
const otherKinds: readonly [first: readonly number[], rule: string][] = [
  [[0x1f, 0x8b], 'the file must be plain text, got gzip: unpack it first (gunzip), whatever its name says'],
  [[0x50, 0x4b, 3, 4], 'the file must be plain text, got a zip archive: unpack it first'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'the file must be plain text, got zstd: unpack it first'],
  [[0x42, 0x5a, 0x68], 'the file must be plain text, got bzip2: unpack it first'],
  [[0xff, 0xfe], 'text must be UTF-8, got UTF-16: convert it, for example iconv -f UTF-16 -t UTF-8'],
  [[0xfe, 0xff], 'text must be UTF-8, got UTF-16: convert it, for example iconv -f UTF-16 -t UTF-8'],
];

/** A file's text without the byte order mark that it may begin with. */
export function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '');
}

/** Length of a UTF-8 byte order mark at the front. */
function markLength(bytes: Buffer): number {
  return bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

/** Opens a file to read, or says what is the matter with it. */
async function opened(file: string): Promise<FileHandle> {
  try {
    const handle = await open(file);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new InputError(file, undefined, code === 'ENOENT' ? 'the file is missing' : message);
  }
  throw new InputError(file, undefined, 'a file is needed, got something else');
}

/** Throws if whole lines are not UTF-8 or hold a NUL byte: decoding would replace such bytes and make two ids one. */
function checkText(block: Buffer, file: string, before: number): void {
  if (isUtf8(block) && !block.includes(0)) return;
  let line = before;
  for (let start = 0; start < block.length;) {
    const next = block.indexOf(lineFeed, start);
    const end = next < 0 ? block.length : next;
    const own = block.subarray(start, end);
    line++;
    const nul = own.indexOf(0);
    if (nul >= 0)
      throw new InputError(
        file,
        line,
        `text must be UTF-8, got a NUL byte at column ${own.toString('utf8', 0, nul).length + 1}: a binary or ` +
          'damaged file, or UTF-16',
      );
    if (!isUtf8(own)) {
      const { column, byte } = firstWrong(own);
      throw new InputError(
        file,
        line,
        `text must be UTF-8, got byte 0x${byte.toString(16).toUpperCase()} at column ${column} of ` +
          `${quoted(own.toString('latin1'))}: ` +
          'perhaps Latin-1; convert the file, for example iconv -f WINDOWS-1252 -t UTF-8',
      );
    }
    start = end + 1;
  }
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

/**
 * Reads a text file block by block and calls `visit` with the bytes of each line that is not empty. Lines end with a line
 * feed, or a carriage return and a line feed, and with nothing else: U+2028, U+2029 and U+0085 are characters like any
 * other. A byte order mark of UTF-8 is left out. An error thrown by `visit` stops the reading.
 *
 * @throws InputError if the file is missing, compressed, not UTF-8, or has a NUL byte or a carriage return inside a line.
 */
export async function eachLine(file: string, visit: LineVisitor): Promise<void> {
  const handle = await opened(file);
  try {
    let buffer = Buffer.allocUnsafe(blockSize);
    let held = 0;
    let line = 0;
    let first = true;
    for (let done = false; !done;) {
      const { bytesRead } = await handle.read(buffer, held, buffer.length - held);
      held += bytesRead;
      done = bytesRead === 0;
      const cut = done ? held : buffer.subarray(0, held).lastIndexOf(lineFeed) + 1;
      if (cut === 0 && !done) {
        if (held === buffer.length) buffer = larger(buffer, file, line);
        continue;
      }
      const block = buffer.subarray(0, cut);
      let start = 0;
      if (first) {
        for (const [bytes, rule] of otherKinds)
          if (bytes.every((byte, at) => block[at] === byte)) throw new InputError(file, undefined, rule);
        start = markLength(block);
        first = false;
      }
      checkText(block, file, line);
      const returns = block.includes(carriageReturn);
      while (start < cut) {
        const next = block.indexOf(lineFeed, start);
        let end = next < 0 ? cut : next;
        line++;
        if (returns) end = withoutReturn(block, start, end, { file, line });
        if (end > start) visit(block, start, end, line);
        start = next < 0 ? cut : next + 1;
      }
      buffer.copyWithin(0, cut, held);
      held -= cut;
    }
  } finally {
    await handle.close();
  }
}

/** A larger buffer with the same content. */
function larger(buffer: Buffer, file: string, line: number): Buffer<ArrayBuffer> {
  if (buffer.length >= longestLine)
    throw new InputError(
      file,
      line + 1,
      `a line must have fewer than ${longestLine} bytes, got more: is it text?`,
    );
  const grown = Buffer.allocUnsafe(buffer.length * 2);
  buffer.copy(grown);
  return grown;
}

/** The end of a line without the carriage return before its line feed. */
function withoutReturn(
  block: Buffer,
  start: number,
  end: number,
  { file, line }: { file: string; line: number },
): number {
  const at = block.subarray(start, end).indexOf(carriageReturn);
  if (at < 0) return end;
  if (start + at === end - 1) return end - 1;
  throw new InputError(
    file,
    line,
    'a carriage return must end a line together with a line feed, got one alone at column ' +
      String(block.toString('utf8', start, start + at).length + 1),
  );
}
