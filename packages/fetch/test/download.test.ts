import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { download, retryAfter, type DownloadOptions } from '../src/index.ts';

const folder = { path: mkdtempSync(join(tmpdir(), 'ferry-fetch-')) };
afterAll(() => {
  rmSync(folder.path, { recursive: true, force: true });
});
const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 251));
const sha256 = createHash('sha256').update(content).digest('hex');
/** Bytes that have come of the file that is being fetched. */
let come = 0;
type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers as an archive's host that knows ranges. */
const whole: Answer = ({ headers }, response) => {
  const start =
    headers['if-range'] === '"v1"' ? Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0) : 0;
  response.writeHead(start > 0 ? 206 : 200, {
    etag: '"v1"',
    'content-length': content.length - start,
    ...(start > 0 ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
  });
  response.end(content.subarray(start));
};
/** Breaks the connection after some bytes. */
const cut =
  (after: number): Answer =>
  ({ headers }, response) => {
    const start = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      etag: '"v1"',
      'content-length': content.length - start,
      ...(start > 0 ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
    });
    come = 0;
    response.write(content.subarray(start, start + after));
    // Broken once all of it has come: a connection that breaks takes along what nobody has read yet.
    const wait = setInterval(() => {
      if (come < start + after) return;
      clearInterval(wait);
      response.destroy();
    }, 5);
  };
const status =
  (code: number, headers: Record<string, string> = {}, body = ''): Answer =>
  (_, response) => {
    response.writeHead(code, headers);
    response.end(body);
  };

describe('download', () => {
  let server: Server;
  let answers: Answer[] = [];
  let asked: (string | undefined)[] = [];
  let count = 0;
  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(request.headers.range);
      (answers.length > 1 ? answers.shift()! : answers[0]!)(request, response);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    asked = [];
  });

  const run = async (
    given: Answer[],
    options: DownloadOptions = {},
    target = join(folder.path, `file-${count++}`),
  ) => {
    answers = given;
    const said: string[] = [];
    const { port } = server.address() as AddressInfo;
    const result = await download(`http://127.0.0.1:${port}/archive.gz`, target, {
      pause: 0.01,
      line: (text) => said.push(text),
      ...options,
      progress: (done, total) => {
        come = done;
        options.progress?.(done, total);
      },
    }).then(
      () => 'fetched',
      (error: unknown) => (error as Error).message.replace(/:\d+\//, '/'),
    );
    return { result, said, target, same: existsSync(target) && readFileSync(target).equals(content) };
  };

  it('fetches a file and checks it; a file that is there is not asked for', async () => {
    const seen: number[] = [];
    const { same, target } = await run([whole], { sha256, progress: (done) => seen.push(done) });
    expect(same).toBe(true);
    expect(seen.at(-1)).toBe(content.length);
    expect(existsSync(`${target}.part`) || existsSync(`${target}.part.json`)).toBe(false);
    asked = [];
    await run([whole], { sha256 }, target);
    expect(asked).toEqual([]);
  });

  it('goes on where a connection was cut, more often than it may fail in a row', async () => {
    const { same, said } = await run([cut(50_000), cut(60_000), cut(70_000), cut(20_000), whole], {
      sha256,
      attempts: 3,
    });
    expect(same).toBe(true);
    expect(said).toHaveLength(4);
    expect(asked[0]).toBeUndefined();
    expect(asked.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? ''))).toBe(true);
  });

  it('goes on in another run, but not with another version of the file', async () => {
    const first = await run([cut(80_000)], { attempts: 1 });
    expect(first.result).toMatch(/the file could not be fetched: .*what is there is kept/);
    expect(readFileSync(`${first.target}.part`).length).toBeGreaterThan(0);
    asked = [];
    expect((await run([whole], { sha256 }, first.target)).same).toBe(true);
    expect(asked[0]).toMatch(/^bytes=/);
    const other = join(folder.path, 'other');
    await run([cut(80_000)], { attempts: 1 }, other);
    const { port } = server.address() as AddressInfo;
    writeFileSync(
      `${other}.part.json`,
      JSON.stringify({ url: `http://127.0.0.1:${port}/archive.gz`, mark: '"v0"' }),
    );
    expect((await run([whole], { sha256 }, other)).same).toBe(true);
  });

  it('waits as long as a host asks, and tries again after its errors', async () => {
    const { same, said } = await run([status(429, { 'retry-after': '0' }), status(503), status(500), whole], {
      sha256,
    });
    expect(same).toBe(true);
    expect(said.map((line) => /the host answers (\d+)/.exec(line)?.[1])).toEqual(['429', '503', '500']);
    expect((await run([status(429, { 'retry-after': '7200' })])).result).toMatch(
      /the host answers 429, and it asks to wait 7200 s/,
    );
    expect((await run([status(503)], { attempts: 3 })).result).toMatch(/the host answers 503 \(3 tries\)/);
    expect(retryAfter('Wed, 21 Oct 2015 07:28:00 GMT', Date.UTC(2015, 9, 21, 7, 27))).toBe(60);
  });

  it('tells a page from a file, by its type and by its bytes', async () => {
    const page = '<!DOCTYPE html><html><head><title>Sign in</title></head></html>';
    for (const headers of [
      { 'content-type': 'text/html; charset=utf-8' },
      { 'content-type': 'application/gzip' },
    ]) {
      const { result, target } = await run([status(200, headers, page)]);
      expect(result).toMatch(
        /^http:\/\/127\.0\.0\.1\/archive\.gz: the host must answer with the file, got an HTML page: .*--from/,
      );
      expect(existsSync(target) || existsSync(`${target}.part`)).toBe(false);
      expect(asked).toHaveLength(1);
      asked = [];
    }
    expect((await run([status(404)])).result).toMatch(/got 404 Not Found: perhaps it has moved/);
    expect((await run([status(409)])).result).toMatch(/got 409 Conflict/);
  });

  it('fetches once more where a checksum is wrong, and gives up when it stays so', async () => {
    const wrong = status(200, {}, 'something else');
    expect((await run([wrong, whole], { sha256 })).same).toBe(true);
    const { result, target } = await run([wrong], { md5: '0'.repeat(32) });
    expect(result).toMatch(
      /md5 must be 0{32}, got [0-9a-f]{32}: the host has another file than the card knows/,
    );
    expect(existsSync(target)).toBe(false);
    expect(asked).toHaveLength(4);
  });

  it('does not wait for ever for a host that says nothing', async () => {
    const silent: Answer = (_, response) => {
      response.writeHead(200, { 'content-length': 10 });
      response.write('abc');
    };
    const { result } = await run([silent], { patience: 0.05, attempts: 2 });
    expect(result).toMatch(/nothing comes any more/);
  });
});
