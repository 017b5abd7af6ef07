import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { isPrivateAddress, PrivateAddressError, publicLookup } from './privateAddress.ts';

/** How {@link get} asks. */
export interface GetOptions {
  /** Whether addresses of this machine and of private networks may be asked. Default false. */
  allowPrivate?: boolean;
  /** Most bytes of an answer. Default 64 MiB. */
  most?: number;
  /** Seconds after which a host that says nothing counts as one that does not answer. Default 30. */
  patience?: number;
  /** Stops it. */
  signal?: AbortSignal;
}

/** What a host answered. */
export interface Got {
  /** HTTP status. */
  status: number;
  /** Header fields by their names in lower case. */
  headers: IncomingMessage['headers'];
  /** The body; empty unless the status is 200. */
  body: Buffer;
}

/** Moves to another address that are followed. */
const mostMoves = 5;

/** The host of an address as a connection needs it. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

/** Asks once. */
async function ask(url: URL, options: GetOptions): Promise<Got> {
  const { allowPrivate = false, most = 1 << 26, patience = 30, signal } = options;
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new TypeError(`an address must begin with http:// or https://, got ${url.protocol}`);
  const host = hostOf(url);
  // A look-up is made for names alone.
  if (!allowPrivate && isIP(host) !== 0 && isPrivateAddress(host)) throw new PrivateAddressError(host, host);
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      {
        headers: { 'user-agent': 'ferry', accept: '*/*' },
        timeout: patience * 1000,
        ...(allowPrivate ? {} : { lookup: publicLookup }),
        ...(signal ? { signal } : {}),
      },
      (answer) => {
        const status = answer.statusCode ?? 0;
        if (status !== 200) {
          answer.resume();
          resolve({ status, headers: answer.headers, body: Buffer.alloc(0) });
          return;
        }
        const blocks: Buffer[] = [];
        let size = 0;
        answer.on('data', (block: Buffer) => {
          size += block.length;
          if (size <= most) blocks.push(block);
          else {
            reject(new RangeError(`more than ${most.toLocaleString('en-US')} bytes come`));
            answer.destroy();
          }
        });
        answer.on('error', reject);
        answer.on('aborted', () => {
          reject(new Error(`the connection ended after ${size} bytes`));
        });
        answer.on('end', () => {
          resolve({ status, headers: answer.headers, body: Buffer.concat(blocks) });
        });
      },
    );
    asked.on('timeout', () => asked.destroy(new Error(`nothing comes for ${patience} s`)));
    asked.on('error', reject);
    asked.end();
  });
}

/**
 * Asks for a small file. Moves to another address are followed, each checked as the first was.
 *
 * @throws PrivateAddressError, TypeError for an address that is none, RangeError for too large an answer, Error for a
 *   connection that fails.
 */
export async function get(address: string, options: GetOptions = {}): Promise<Got> {
  let url = new URL(address);
  for (let moves = 0; ; moves++) {
    const got = await ask(url, options);
    const { location } = got.headers;
    if (![301, 302, 303, 307, 308].includes(got.status) || location === undefined) return got;
    if (moves === mostMoves) throw new Error(`more than ${mostMoves} moves to other addresses`);
    url = new URL(location, url);
  }
}
