import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchPolitely, get, isPrivateAddress, type Fetched, type PoliteOptions } from '../src/index.ts';

/** Hosts on loopback; what each answers is chosen by the path. */
const servers: Server[] = [];
const seen: string[] = [];
const atOnce = { now: 0, most: 0 };

function answer({ url = '' }: IncomingMessage, response: ServerResponse): void {
  seen.push(url);
  atOnce.now++;
  atOnce.most = Math.max(atOnce.most, atOnce.now);
  const [, what, number] = url.split('/');
  const before = seen.filter((own) => own === url).length - 1;
  const end = (status: number, headers: Record<string, string> = {}, body = ''): void => {
    setTimeout(() => {
      atOnce.now--;
      response.writeHead(status, headers).end(body);
    }, 15);
  };
  if (what === 'fine') end(200, {}, `picture ${number!}`);
  else if (what === 'gone') end(404);
  else if (what === 'busy') end(before === 0 ? 429 : 200, { 'retry-after': '0' }, 'at last');
  else if (what === 'broken') end(before < 2 ? 500 : 200, {}, 'mended');
  else if (what === 'never') end(503);
  else if (what === 'later') end(429, { 'retry-after': '9999' });
  else if (what === 'moved') end(302, { location: '/fine/7' });
  else if (what === 'inwards') end(302, { location: 'http://169.254.169.254/latest/meta-data' });
  else if (what === 'circle') end(302, { location: url });
  else if (what === 'large') end(200, {}, 'x'.repeat(5000));
  else if (what === 'cut') {
    atOnce.now--;
    response.writeHead(200, { 'content-length': 100 });
    response.write('half', () => response.destroy());
  }
}

beforeAll(async () => {
  for (let host = 0; host < 2; host++) {
    const server = createServer(answer);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    servers.push(server);
  }
});
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

const at = (path: string, host = 0): string =>
  `http://127.0.0.1:${(servers[host]!.address() as AddressInfo).port}${path}`;

async function all(urls: readonly string[], options: PoliteOptions = {}): Promise<Record<string, string>> {
  const found: Fetched[] = [];
  seen.length = 0;
  atOnce.most = 0;
  await fetchPolitely(urls, (one) => void found.push(one), {
    allowPrivate: true,
    pause: 0.005,
    attempts: 3,
    most: 1000,
    ...options,
  });
  return Object.fromEntries(
    found.map((one) => [
      one.url.replace(/^http:\/\/127.0.0.1:\d+/, ''),
      'body' in one ? one.body.toString() : `${one.dead ? 'dead' : 'later'}: ${one.reason}`,
    ]),
  );
}

describe('fetchPolitely', () => {
  it('tells what may come another time from what is dead', async () => {
    expect(
      await all(
        [
          ...['/fine/1', '/fine/1', '/gone', '/busy', '/broken', '/never', '/moved', '/circle', '/large'].map(
            (path) => at(path),
          ),
          at('/cut'),
          'ftp://127.0.0.1/x',
          'no address',
        ],
        { perHost: 1 },
      ),
    ).toEqual({
      '/fine/1': 'picture 1',
      '/gone': 'dead: the host answers 404',
      '/busy': 'at last',
      '/broken': 'mended',
      '/never': 'later: the host answers 503 (3 tries)',
      '/moved': 'picture 7',
      '/circle': 'later: more than 5 moves to other addresses (3 tries)',
      '/large': 'dead: more than 1,000 bytes come',
      '/cut': expect.stringMatching(/^later: .+ \(3 tries\)$/) as string,
      'ftp://127.0.0.1/x': 'dead: an address must begin with http:// or https://, got ftp:',
      'no address': 'dead: no address',
    });
    expect(seen.filter((url) => url === '/fine/1')).toHaveLength(1);
  });

  it('asks few at once of a host, more of several, and never more than it may', async () => {
    const urls = (host: number): string[] =>
      Array.from({ length: 12 }, (_, number) => at(`/fine/${number}`, host));
    await all(urls(0), { perHost: 2 });
    expect(atOnce.most).toBe(2);
    await all([...urls(0), ...urls(1)], { perHost: 3 });
    expect(atOnce.most).toBe(6);
    await all([...urls(0), ...urls(1)], { perHost: 3, concurrency: 4 });
    expect(atOnce.most).toBe(4);
  });

  it('leaves a host for another time that asks to wait long, and goes on with others', async () => {
    const found = await all([at('/later'), at('/fine/1'), at('/fine/2', 1)], { perHost: 1 });
    expect(found['/later']).toBe('later: the host answers 429 and asks to wait 9999 s');
    expect(found['/fine/1']).toBe(found['/later']);
    expect(found['/fine/2']).toBe('picture 2');
    expect(seen).toEqual(expect.not.arrayContaining(['/fine/1']));
  });

  it('never asks private addresses unless they are allowed: by number, by name, or by a move', async () => {
    const name = at('/fine/1').replace('127.0.0.1', 'localhost');
    const found = await all([at('/fine/1'), name], { allowPrivate: false });
    expect(found['/fine/1']).toBe('dead: 127.0.0.1 is a private address');
    expect(Object.values(found)[1]).toMatch(/^dead: localhost is a private address \((127\.0\.0\.1|::1)\)$/);
    expect(seen).toEqual([]);
    for (const address of [
      '10.1.2.3',
      '172.31.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1',
      '0.0.0.0',
    ])
      expect(isPrivateAddress(address), address).toBe(true);
    for (const address of ['::1', 'fd00::1', 'fe80::1', '::ffff:127.0.0.1', '::ffff:10.0.0.1'])
      expect(isPrivateAddress(address), address).toBe(true);
    for (const address of ['8.8.8.8', '172.32.0.1', '2001:4860:4860::8888', '::ffff:8.8.8.8'])
      expect(isPrivateAddress(address), address).toBe(false);
    await expect(get('http://[::1]:1/')).rejects.toThrow('::1 is a private address');
  });

  it('stops where it is told to, and what fails in its listener is its error', async () => {
    const stop = new AbortController();
    const urls = Array.from({ length: 20 }, (_, number) => at(`/fine/${number}`));
    let count = 0;
    const run = fetchPolitely(
      urls,
      () => {
        if (++count === 3) stop.abort(new Error('enough'));
      },
      { allowPrivate: true, perHost: 1, signal: stop.signal },
    );
    await expect(run).rejects.toThrow('enough');
    expect(count).toBe(3);
    const full = fetchPolitely(urls, () => Promise.reject(new Error('no room')), { allowPrivate: true });
    await expect(full).rejects.toThrow('no room');
  });
});
