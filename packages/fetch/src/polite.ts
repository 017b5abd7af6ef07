import { setTimeout as wait } from 'node:timers/promises';
import { retryAfter } from './download.ts';
import { get, type GetOptions } from './get.ts';
import { PrivateAddressError } from './privateAddress.ts';

/** How {@link fetchPolitely} goes about. */
export interface PoliteOptions extends GetOptions {
  /** Requests at once, all hosts together. Default 16. */
  concurrency?: number;
  /** Requests at once to one host. Default 2. */
  perHost?: number;
  /** Seconds between the starts of two requests to one host. Default 0. */
  gap?: number;
  /** Tries of an address, the first included, where the host's answer may change. Default 4. */
  attempts?: number;
  /** Seconds of the first pause after an error, which doubles from try to try. Default 1. */
  pause?: number;
  /** Longest pause in seconds that a host may ask for; beyond, its addresses are left for another time. Default 300. */
  longestPause?: number;
}

/** What became of an address. */
export type Fetched =
  | { url: string; body: Buffer }
  /** `dead`: asking again brings nothing; else the host had its troubles. */
  | { url: string; reason: string; dead: boolean };

/** An address that waits. */
interface Waiting {
  readonly url: string;
  readonly tries: number;
}

/** Addresses of a host that wait, and when it may be asked again. */
interface Host {
  /** Those before `next` have been asked. */
  waiting: Waiting[];
  next: number;
  running: number;
  /** Time before which nothing is asked, ms. */
  from: number;
  /** Why the host is given up. */
  given?: string;
}

/** The host of an address; undefined for what is no address. */
function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}

/** What an answer or an error means: a body, another try, or the end. */
async function tryOnce(
  url: string,
  options: PoliteOptions,
): Promise<Fetched | { again: string; after?: number }> {
  try {
    const { status, headers, body } = await get(url, options);
    if (status === 200) return { url, body };
    const reason = `the host answers ${status}`;
    if (status === 429 || status === 408 || status >= 500)
      return { again: reason, after: retryAfter(headers['retry-after'] ?? null) };
    return { url, reason, dead: true };
  } catch (error) {
    options.signal?.throwIfAborted();
    const { message, code } = error as NodeJS.ErrnoException;
    const final =
      error instanceof PrivateAddressError ||
      error instanceof TypeError ||
      error instanceof RangeError ||
      code === 'ENOTFOUND';
    const reason = code === 'ENOTFOUND' ? 'there is no such host' : message;
    return final ? { url, reason, dead: true } : { again: reason };
  }
}

/**
 * Fetches many small files without being a burden: few requests at once to a host, each host at its own pace, tries again
 * after errors that may pass, with pauses that grow or that the host asks for, which hold for all its addresses.
 *
 * @param urls - Addresses; equal ones are asked for once.
 * @param done - Told what became of each, in the order in which they are finished.
 * @throws The signal's reason if it is stopped; what `done` throws.
 */
export async function fetchPolitely(
  urls: Iterable<string>,
  done: (fetched: Fetched) => void | Promise<void>,
  options: PoliteOptions = {},
): Promise<void> {
  const { concurrency = 16, perHost = 2, gap = 0, attempts = 4, pause = 1, longestPause = 300 } = options;
  const hosts = new Map<string, Host>();
  for (const url of new Set(urls)) {
    const name = hostOf(url);
    if (name === undefined) {
      await done({ url, reason: 'no address', dead: true });
      continue;
    }
    const host = hosts.get(name) ?? { waiting: [], next: 0, running: 0, from: 0 };
    hosts.set(name, host);
    host.waiting.push({ url, tries: 0 });
  }
  const running = new Set<Promise<void>>();
  const one = async (host: Host, { url, tries }: Waiting): Promise<void> => {
    const result = await tryOnce(url, options);
    if (!('again' in result)) {
      await done(result);
      return;
    }
    const seconds = result.after ?? Math.min(pause * 2 ** tries, 60);
    host.from = Math.max(host.from, Date.now() + seconds * 1000);
    if (seconds > longestPause) host.given = `${result.again} and asks to wait ${Math.round(seconds)} s`;
    if (host.given !== undefined || tries + 1 >= attempts)
      await done({
        url,
        reason: host.given ?? `${result.again} (${attempts} tries)`,
        dead: false,
      });
    else host.waiting.push({ url, tries: tries + 1 });
  };
  try {
    for (;;) {
      options.signal?.throwIfAborted();
      let next = Infinity;
      for (const [name, host] of hosts) {
        if (running.size >= concurrency) break;
        if (host.given !== undefined)
          for (; host.next < host.waiting.length; host.next++)
            await done({ url: host.waiting[host.next]!.url, reason: host.given, dead: false });
        if (host.next === host.waiting.length && host.running === 0) hosts.delete(name);
        while (host.next < host.waiting.length && host.running < perHost && running.size < concurrency) {
          if (host.from > Date.now()) {
            next = Math.min(next, host.from);
            break;
          }
          host.from = Date.now() + gap * 1000;
          host.running++;
          const task = one(host, host.waiting[host.next++]!).finally(() => {
            host.running--;
            running.delete(task);
          });
          running.add(task);
        }
      }
      if (running.size === 0 && next === Infinity) return;
      const stop = new AbortController();
      const ends: Promise<unknown>[] = [...running];
      if (next !== Infinity)
        ends.push(
          wait(Math.max(1, next - Date.now()), undefined, {
            signal: options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal,
          }).catch(() => undefined),
        );
      try {
        await Promise.race(ends);
      } finally {
        stop.abort();
      }
    }
  } finally {
    // None goes on by itself where another one failed.
    await Promise.allSettled(running);
  }
}
