import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { InputError, makeDirectory } from '@ferry/data';
import { htmlPage } from './htmlPage.ts';

/** A download's checksums and how patient it is. */
export interface DownloadOptions {
  /** SHA-256 that the file must have, hexadecimal. */
  sha256?: string;
  /** MD5 that the file must have, where its publisher states no better. */
  md5?: string;
  /** Told how many bytes are there of how many; NaN while the size is unknown. */
  progress?: (done: number, total: number) => void;
  /** Told of each new try and its reason. */
  line?: (text: string) => void;
  /** Tries in a row that bring nothing before it gives up. Default 6. */
  attempts?: number;
  /** Seconds of the first pause, which doubles from try to try. Default 1. */
  pause?: number;
  /** Longest pause in seconds that a host may ask for. Default 300. */
  longestPause?: number;
  /** Seconds without a byte after which a connection counts as broken. Default 60. */
  patience?: number;
  /** Stops it; what is there stays for the next time. */
  signal?: AbortSignal;
}

/** A failure after which the same request may succeed. */
class TryAgain extends Error {
  /** Seconds the host asks to wait. */
  readonly after: number | undefined;

  constructor(message: string, after?: number) {
    super(message);
    this.after = after;
  }
}

/** What the server said about a file that is begun: only the same one may be gone on with. */
interface Begun {
  url: string;
  mark: string | null;
}

/** Seconds in a Retry-After header: a number, or a date. */
export function retryAfter(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}

/** Size of a file, 0 if there is none. */
async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}

/** Checksum of a file. */
async function hashOf(file: string, hash: Hash): Promise<string> {
  for await (const block of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(block as Buffer);
  return hash.digest('hex');
}

/** Refuses answers that no new try makes better, and asks for a new one after the others. */
function checkAnswer(answer: Response, url: string): void {
  const { status, headers } = answer;
  if (status === 200 || status === 206) {
    const type = headers.get('content-type') ?? '';
    if (/text\/html/i.test(type) && !/\.html?$/i.test(new URL(url).pathname))
      throw new InputError(
        url,
        undefined,
        'the host must answer with the file, got an HTML page: open the address in a browser, fetch the file by ' +
          'hand and name its folder with --from',
      );
    return;
  }
  if (status === 429 || status === 503 || status === 408 || status >= 500)
    throw new TryAgain(`the host answers ${status}`, retryAfter(headers.get('retry-after')));
  if (status === 416) throw new TryAgain('the host has no more of the file than is there');
  throw new InputError(
    url,
    undefined,
    `the host must answer with the file, got ${status} ${answer.statusText}: perhaps it has moved; name a folder ` +
      'that holds the file with --from',
  );
}

/** Size of the whole file by the answer's headers. */
function totalOf(answer: Response, have: number): number {
  const range = /\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1];
  if (range !== undefined) return Number(range);
  const length = answer.headers.get('content-length');
  // The length of a packed answer is not that of the file.
  return length === null || answer.headers.has('content-encoding') ? NaN : have + Number(length);
}

/** Goes on with a part file; returns when the file is whole. */
async function fetchOn(url: string, part: string, options: DownloadOptions): Promise<void> {
  const note = `${part}.json`;
  const begun = await readFile(note, 'utf8').then(
    (text) => JSON.parse(text) as Begun,
    () => undefined,
  );
  let have = begun?.url === url && begun.mark !== null ? await sizeOf(part) : 0;
  const stall = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stall.signal]) : stall.signal;
  let timer: NodeJS.Timeout | undefined;
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(
      () => {
        stall.abort(new TryAgain('nothing comes any more'));
      },
      (options.patience ?? 60) * 1000,
    );
  };
  alive();
  try {
    const answer = await fetch(url, {
      headers: have > 0 ? { range: `bytes=${have}-`, 'if-range': begun!.mark! } : {},
      signal,
    });
    if (answer.status === 416) await rm(part, { force: true });
    checkAnswer(answer, url);
    if (answer.status === 200) have = 0;
    else if (!(answer.headers.get('content-range') ?? '').startsWith(`bytes ${have}-`)) {
      await rm(part, { force: true });
      throw new TryAgain('the host answers with another part of the file');
    }
    const total = totalOf(answer, have);
    const mark = answer.headers.get('etag') ?? answer.headers.get('last-modified');
    await writeFile(
      note,
      JSON.stringify({ url, mark: mark?.startsWith('W/') === true ? null : mark } satisfies Begun),
    );
    const file = await open(part, have === 0 ? 'w' : 'a');
    try {
      for await (const block of answer.body ?? []) {
        alive();
        await file.writeFile(block as Uint8Array);
        have += (block as Uint8Array).length;
        options.progress?.(have, total);
      }
    } finally {
      await file.close();
    }
    if (have !== total && !Number.isNaN(total))
      throw new TryAgain(`the connection ended after ${have} of ${total} bytes`);
  } finally {
    clearTimeout(timer);
  }
}

/** Compares a file with its checksums and with what it must not be. */
async function checkFile(url: string, part: string, { sha256, md5 }: DownloadOptions): Promise<void> {
  const handle = await open(part);
  const head = Buffer.alloc(4096);
  const { bytesRead } = await handle.read(head, 0, head.length, 0);
  await handle.close();
  if (htmlPage(head.subarray(0, bytesRead)) !== undefined)
    throw new InputError(
      url,
      undefined,
      'the host must answer with the file, got an HTML page: open the address in a browser, fetch the file by ' +
        'hand and name its folder with --from',
    );
  for (const [name, wanted] of Object.entries({ sha256, md5 })) {
    if (wanted === undefined) continue;
    const got = await hashOf(part, createHash(name));
    if (got !== wanted.toLowerCase()) throw new TryAgain(`${name} must be ${wanted}, got ${got}`);
  }
}

/**
 * Fetches a file: goes on where an earlier try was cut off (as long as the host still has the same file), tries again after
 * connections that break, errors of the host and 429, waiting as long as it asks, and checks size and checksums. The
 * file is in its place only when it is whole.
 *
 * @param url - Its address.
 * @param target - Where it goes; nothing is fetched if it is there.
 * @throws InputError saying what the host answered, and what to do.
 */
export async function download(url: string, target: string, options: DownloadOptions = {}): Promise<void> {
  if ((await sizeOf(target)) > 0) return;
  const { attempts = 6, pause = 1, longestPause = 300, line, signal } = options;
  makeDirectory(dirname(target));
  const part = `${target}.part`;
  let failures = 0;
  let wrong = 0;
  for (;;) {
    const before = await sizeOf(part);
    try {
      await fetchOn(url, part, options);
      await checkFile(url, part, options);
      await rename(part, target);
      await rm(`${part}.json`, { force: true });
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof InputError) {
        await rm(part, { force: true });
        throw error;
      }
      const checksum = error instanceof TryAgain && /^(?:sha256|md5) must be/.test(error.message);
      const cause = (error as { cause?: { message?: string } }).cause?.message;
      const reason =
        cause === undefined ? (error as Error).message : `${(error as Error).message} (${cause})`;
      if (checksum) {
        await rm(part, { force: true });
        // Twice the same wrong content is the host's, or the card is out of date.
        if (++wrong === 2)
          throw new InputError(
            url,
            undefined,
            `${reason}: the host has another file than the card knows, or it is damaged there`,
          );
      }
      failures = (await sizeOf(part)) > before ? 1 : failures + 1;
      const seconds =
        (error instanceof TryAgain ? error.after : undefined) ?? Math.min(pause * 2 ** (failures - 1), 60);
      if (failures >= attempts || seconds > longestPause)
        throw new InputError(
          url,
          undefined,
          `the file could not be fetched: ${reason}` +
            (seconds > longestPause
              ? `, and it asks to wait ${Math.round(seconds)} s; `
              : ` (${failures} tries); `) +
            'what is there is kept and gone on with next time',
        );
      line?.(`${basename(target)}: ${reason}; trying again in ${Math.round(seconds)} s`);
      await wait(seconds * 1000, undefined, signal ? { signal } : {});
    }
  }
}
