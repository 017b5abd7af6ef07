import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { eachWrongLine, InputError, isText, otherKind, type Encoding } from '@ferry/data';
import { htmlPage } from '@ferry/fetch';
import type { Skipped } from './skipped.ts';

/** What a file of text is like, found by reading it once from end to end. */
export interface Survey {
  /** The file. */
  file: string;
  /** Its size. */
  bytes: number;
  /** SHA-256 of its bytes, hexadecimal. */
  sha256: string;
  /** How its text is encoded. */
  encoding: Encoding;
  /** Whether it is gzip. */
  gzip: boolean;
  /** Whether it begins with a byte order mark. */
  mark: boolean;
  /** Lines that end with a carriage return and a line feed. */
  carriageReturns: number;
  /** Lines, a last one without a line feed included. */
  lines: number;
  /** Lines with nothing but blanks. */
  blank: number;
  /** Bytes of the longest line. */
  longest: number;
  /** Whether any quotation mark is in it. */
  quotes: boolean;
  /** Whether a line holds a carriage return elsewhere than at its end. */
  oddReturns: boolean;
  /** Numbers of lines that are not UTF-8 or hold a NUL byte, and why. */
  broken: Map<number, string>;
  /** The first bytes of text, at most 64 KiB. */
  head: Buffer;
}

/** The first bytes of a file; an error that says what is the matter where there are none. */
export async function firstBytes(file: string, count: number): Promise<Buffer> {
  const found = await stat(file).catch(() => undefined);
  if (!found) throw new InputError(file, undefined, 'the file is missing');
  if (!found.isFile()) throw new InputError(file, undefined, 'a file is needed, got something else');
  if (found.size === 0) throw new InputError(file, undefined, 'the file must hold data, got an empty file');
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(count), 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Throws where a file's first bytes say that it is none of text. */
export function refuseOtherKinds(file: string, head: Buffer): void {
  const kind = otherKind(head);
  if (kind !== undefined)
    throw new InputError(file, undefined, `the file must be text in UTF-8, got ${kind}`);
  const page = htmlPage(head);
  if (page !== undefined)
    throw new InputError(
      file,
      undefined,
      `the file must be data, got an HTML page${page === '' ? '' : ` (“${page}”)`}: the host answered with a ` +
        'page instead of the file; fetch it again, or by hand',
    );
}

const lineFeed = 10;
const carriageReturn = 13;

/** Most bytes of a line; a small gzip file may unpack to one that fills memory. */
export const longestLine = 1 << 26;

/** Whether a line holds nothing but blanks. */
function isBlank(block: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end && (block[at] === 32 || block[at] === 9 || block[at] === carriageReturn)) at++;
  return at === end;
}

/** Looks at text as it comes in blocks. */
class Looker {
  lines = 0;
  blank = 0;
  longest = 0;
  carriageReturns = 0;
  quotes = false;
  oddReturns = false;
  readonly broken = new Map<number, string>();
  head = Buffer.alloc(0);
  readonly #file: string;
  readonly #encoding: Encoding;
  /** What was read behind the last line feed. */
  #rest: Buffer[] = [];
  #restLength = 0;

  constructor(file: string, encoding: Encoding) {
    this.#file = file;
    this.#encoding = encoding;
  }

  add(block: Buffer): void {
    if (this.head.length < 65536) this.head = Buffer.concat([this.head, block]).subarray(0, 65536);
    const cut = block.lastIndexOf(lineFeed) + 1;
    if (cut === 0) {
      this.#keep(block);
      return;
    }
    const first = block.subarray(0, cut);
    this.#lines(this.#restLength > 0 ? Buffer.concat([...this.#rest, first]) : first);
    this.#rest = [];
    this.#restLength = 0;
    if (cut < block.length) this.#keep(block.subarray(cut));
  }

  #keep(block: Buffer): void {
    // Blocks of a stream may be used again.
    this.#rest.push(Buffer.from(block));
    this.#restLength += block.length;
    if (this.#restLength > longestLine)
      throw new InputError(
        this.#file,
        this.lines + 1,
        `a line must have at most ${longestLine.toLocaleString('en-US')} bytes, got more: is it text, with a row a line? ` +
          'A JSON array in a single line can be written as JSON lines (jq -c ".[]")',
      );
  }

  end(): void {
    if (this.#restLength > 0) this.#lines(Buffer.concat(this.#rest));
  }

  /** Whole lines. */
  #lines(block: Buffer): void {
    const before = this.lines;
    let start = 0;
    const returns = block.includes(carriageReturn);
    const sound = isText(block, this.#encoding);
    if (!this.quotes && block.includes(34)) this.quotes = true;
    while (start < block.length) {
      const next = block.indexOf(lineFeed, start);
      const end = next < 0 ? block.length : next;
      this.lines++;
      if (end - start > this.longest) this.longest = end - start;
      if (isBlank(block, start, end)) this.blank++;
      if (returns) this.#returns(block, start, end);
      start = end + 1;
    }
    if (!sound) this.#listBroken(block, before);
  }

  #returns(block: Buffer, start: number, end: number): void {
    const at = block.subarray(start, end).indexOf(carriageReturn);
    if (at < 0) return;
    if (start + at === end - 1) this.carriageReturns++;
    else this.oddReturns = true;
  }

  #listBroken(block: Buffer, before: number): void {
    const note = (line: number, rule: string): void => {
      this.broken.set(before + line, rule);
    };
    eachWrongLine(block, note, this.#encoding);
  }
}

/**
 * Reads a text file, gzip or not, once from end to end: its hash, whether a gzip file is whole, its lines, and which of
 * them are no text. What reads it afterwards can trust it.
 *
 * @param file - The file.
 * @param progress - Told how many of the file's bytes were read.
 * @throws InputError if it is missing, empty, no text (an HTML page, an archive, another encoding) or a gzip file that
 *   is cut off or damaged.
 */
export async function survey(
  file: string,
  progress?: (done: number, total: number) => void,
  encoding: Encoding = 'utf-8',
): Promise<Survey> {
  const start = await firstBytes(file, 4096);
  const gzip = start[0] === 0x1f && start[1] === 0x8b;
  if (!gzip) refuseOtherKinds(file, start);
  const { size } = await stat(file);
  const hash = createHash('sha256');
  const looker = new Looker(file, encoding);
  let bytes = 0;
  const source = createReadStream(file, { highWaterMark: 1 << 20 });
  source.on('data', (block) => {
    hash.update(block);
    bytes += block.length;
    progress?.(bytes, size);
  });
  const text = gzip ? source.pipe(createGunzip({ chunkSize: 1 << 20 })) : source;
  source.on('error', (error) => text.destroy(error));
  try {
    for await (const block of text) looker.add(block as Buffer);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const cut = (error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR';
    throw new InputError(
      file,
      undefined,
      gzip
        ? `gzip must be whole, got ${cut ? 'a file that is cut off' : (error as Error).message} ` +
            `after ${looker.lines.toLocaleString('en-US')} lines: fetch it again`
        : (error as Error).message,
    );
  } finally {
    source.destroy();
  }
  looker.end();
  if (gzip) refuseOtherKinds(file, looker.head);
  if (looker.lines === 0) throw new InputError(file, undefined, 'the file must hold data, got nothing');
  if (looker.lines === 1 && looker.oddReturns)
    throw new InputError(
      file,
      1,
      "lines must end with a line feed, got carriage returns alone: convert the file, for example tr '\\r' '\\n'",
    );
  const { lines, blank, longest, carriageReturns, quotes, oddReturns, broken, head } = looker;
  const mark = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf;
  return {
    file,
    encoding,
    bytes,
    sha256: hash.digest('hex'),
    gzip,
    mark,
    carriageReturns,
    lines,
    blank,
    longest,
    quotes,
    oddReturns,
    broken,
    head,
  };
}

/** Puts the lines that are no text on the list of what is damaged. */
export function reportBroken({ file, broken }: Survey, skipped: Skipped): void {
  for (const [line, rule] of broken) skipped.add({ file, line, rule });
}
