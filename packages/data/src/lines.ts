import { open, type FileHandle } from 'node:fs/promises';
import { InputError } from './errors.ts';
import { eachWrongLine, isText, otherKind } from './text.ts';

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

/** Throws if whole lines are no text. */
function checkText(block: Buffer, file: string, before: number): void {
  if (isText(block)) return;
  eachWrongLine(block, (line, rule) => {
    throw new InputError(file, before + line, rule);
  });
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
        const kind = otherKind(block);
        if (kind !== undefined)
          throw new InputError(file, undefined, `the file must be text in UTF-8, got ${kind}`);
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
