import { createReadStream, createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { createGunzip } from 'node:zlib';
import type { Survey } from './survey.ts';

/** A file's text in blocks, unpacked if it is gzip; its byte order mark left out. */
export async function* textBlocks({ file, gzip, mark }: Survey): AsyncGenerator<Buffer> {
  const source = createReadStream(file, { highWaterMark: 1 << 20 });
  const text = gzip ? source.pipe(createGunzip({ chunkSize: 1 << 20 })) : source;
  let first = mark;
  for await (const block of text as AsyncIterable<Buffer>) {
    yield first ? block.subarray(3) : block;
    first = false;
  }
}

/** Writes text block by block, waiting where the disk is slower. */
export class TextWriter {
  readonly #stream: ReturnType<typeof createWriteStream>;
  #block: string[] = [];
  #length = 0;

  /** @param file - Made anew. */
  constructor(file: string) {
    this.#stream = createWriteStream(file);
  }

  /** Adds a line. */
  async line(text: string): Promise<void> {
    this.#block.push(text);
    this.#length += text.length + 1;
    if (this.#length >= 1 << 20) await this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#block.length === 0) return;
    const written = this.#stream.write(`${this.#block.join('\n')}\n`);
    this.#block = [];
    this.#length = 0;
    if (!written) await once(this.#stream, 'drain');
  }

  /** Ends the file. */
  async close(): Promise<void> {
    await this.#flush();
    this.#stream.end();
    await once(this.#stream, 'close');
  }
}

/**
 * The lines of a surveyed file as text, one after the other, without their ends. Lines that are no text come as '':
 * they are listed already.
 */
export async function* textLines(survey: Survey): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let line = 0;
  const decode = (bytes: Buffer): string => {
    line++;
    if (survey.broken.has(line)) return '';
    const end = bytes[bytes.length - 1] === 13 ? bytes.length - 1 : bytes.length;
    return bytes.toString(survey.encoding === 'latin1' ? 'latin1' : 'utf8', 0, end);
  };
  for await (const block of textBlocks(survey)) {
    let start = 0;
    for (;;) {
      const next = block.indexOf(10, start);
      if (next < 0) break;
      const own = block.subarray(start, next);
      yield decode(rest.length > 0 ? Buffer.concat([...rest, own]) : own);
      rest = [];
      start = next + 1;
    }
    if (start < block.length) rest.push(Buffer.from(block.subarray(start)));
  }
  if (rest.length > 0) yield decode(Buffer.concat(rest));
}

/**
 * Copies a text file line by line, so that line n of the copy is made of line n of the file and ends with a line feed
 * alone.
 *
 * @param change - What becomes of a line.
 */
export async function copyLines(
  survey: Survey,
  target: string,
  change: (line: string, number: number) => string = (line) => line,
): Promise<void> {
  const writer = new TextWriter(target);
  let number = 0;
  for await (const line of textLines(survey)) await writer.line(change(line, ++number));
  await writer.close();
}
