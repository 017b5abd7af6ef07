import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServedRun } from '@ferry/studies';
import { afterEach, describe, expect, it } from 'vitest';
import { serve, type RunServer, type ServeOptions } from '../src/serve/server.ts';

let server: RunServer | undefined;
const logged: string[] = [];

afterEach(async () => {
  await server?.close();
  server = undefined;
  logged.length = 0;
});

/** A run that recommends its items in order, and fails if it is asked when it is freed or twice at once. */
function fake(model = 'one', catalogue = ['a', 'b', 'c', 'd']): ServedRun & { freed: () => boolean } {
  const state = { freed: false, busy: false };
  const check = (): void => {
    if (state.freed) throw new Error('asked when freed');
    if (state.busy) throw new Error('asked twice at once');
  };
  return {
    ...{ run: 'runs/fake', model, domain: 'letters', items: catalogue.length, checkpoint: 'best' },
    hasItem: (id) => catalogue.includes(id),
    historyOf: (user) => (user === 'known' ? ['a'] : undefined),
    recommend: async (history, { top, again }) => {
      check();
      state.busy = true;
      await pause(1);
      state.busy = false;
      check();
      return catalogue
        .filter((id) => again || !history.includes(id))
        .slice(0, top)
        .map((id, at) => ({ id, title: id.toUpperCase(), score: -at }));
    },
    rank: (history, candidates) => {
      check();
      return Promise.resolve(
        candidates.toSorted().map((id, at) => ({ id, title: id.toUpperCase(), score: history.length - at })),
      );
    },
    dispose: () => {
      state.freed = true;
    },
    freed: () => state.freed,
  };
}

async function start(run: ServedRun = fake(), options: ServeOptions = {}): Promise<RunServer> {
  server = await serve(run, { port: 0, log: (message) => logged.push(message), ...options });
  return server;
}

interface Answer {
  status: number;
  body: {
    error?: { code: string; message: string };
    model?: string;
    items?: { id: string }[];
    history?: number;
  };
}

async function ask(path: string, body?: unknown, init: RequestInit = {}): Promise<Answer> {
  const answer = await fetch(`${server!.address}${path}`, {
    ...(body === undefined
      ? {}
      : {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
        }),
    ...init,
  });
  return { status: answer.status, body: (await answer.json()) as Answer['body'] };
}

/** Sends bytes as they are; gives what comes back before the connection ends. */
async function raw(bytes: string, more?: (write: (bytes: string) => void) => Promise<void>): Promise<string> {
  const { port } = new URL(server!.address);
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(bytes);
  const sent = more?.((own) => void socket.write(own));
  const back = await text(socket).catch(() => '');
  await sent;
  return back;
}

describe('a server of a run', () => {
  it('answers a history and a user, and goes on from clicks', async () => {
    await start();
    const first = await ask('/recommend', { history: ['b', 'a'], top: 1 });
    expect(first).toMatchObject({
      status: 200,
      body: { model: 'one', history: 2, items: [{ id: 'c', title: 'C' }] },
    });
    expect((await ask('/recommend', { user: 'known' })).body.items!.map(({ id }) => id)).toEqual([
      'b',
      'c',
      'd',
    ]);
    expect((await ask('/click', { user: 'known', item: 'b' })).status).toBe(200);
    expect((await ask('/recommend', { user: 'known' })).body.items!.map(({ id }) => id)).toEqual(['c', 'd']);
    expect((await ask('/health')).body).toMatchObject({ model: 'one', domain: 'letters', items: 4 });
    const page = await fetch(`${server!.address}/`);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await page.text()).toContain('<title>ferry serve</title>');
  });

  it('tells the model whose history it is, where the request says so', async () => {
    const asked: (string | undefined)[] = [];
    const run = fake();
    await start({
      ...run,
      recommend: (history, options) => {
        asked.push(options.user);
        return run.recommend(history, options);
      },
      rank: (history, candidates, user) => {
        asked.push(user);
        return run.rank!(history, candidates, user);
      },
    });
    await ask('/recommend', { history: ['a'] });
    await ask('/recommend', { user: 'known' });
    await ask('/rank', { history: ['a'], user: 'new', candidates: ['b'] });
    expect(asked).toEqual([undefined, 'known', 'new']);
  });

  it('ranks candidates behind a history, of a model that can', async () => {
    await start();
    const found = await ask('/rank', { history: ['b'], candidates: ['d', 'a'] });
    expect(found).toMatchObject({ status: 200, body: { history: 1, items: [{ id: 'a' }, { id: 'd' }] } });
    await ask('/click', { user: 'new', item: 'c' });
    expect((await ask('/rank', { user: 'new', candidates: ['d'] })).body.history).toBe(1);
    const other = Object.entries(fake()).filter(([name]) => name !== 'rank');
    await server!.swap(Object.fromEntries(other) as unknown as ServedRun);
    const refused = await ask('/rank', { history: ['b'], candidates: ['d'] });
    expect([refused.status, refused.body.error!.code]).toEqual([404, 'not-ranking']);
  });

  const wrong: [
    what: string,
    status: number,
    code: string,
    path: string,
    body?: unknown,
    init?: RequestInit,
  ][] = [
    ['a path that is none', 404, 'unknown-path', '/../../etc/passwd'],
    ['the name of a method of objects', 404, 'unknown-path', '/constructor'],
    ['another method', 405, 'wrong-method', '/recommend'],
    ['no JSON', 400, 'not-json', '/recommend', '{'],
    ['no UTF-8', 400, 'not-json', '/recommend', Uint8Array.of(0x22, 0xff, 0x22)],
    ['a list', 400, 'not-an-object', '/recommend', []],
    ['a key twice', 400, 'repeated-key', '/recommend', '{"user":"known","user":"new"}'],
    ['nothing', 400, 'nothing-known', '/recommend', {}],
    ['an empty history', 400, 'nothing-known', '/recommend', { history: [] }],
    ['a history of numbers', 400, 'wrong-value', '/recommend', { history: [1] }],
    [
      'a history of too many',
      400,
      'wrong-value',
      '/recommend',
      { history: Array.from({ length: 1001 }, () => 'a') },
    ],
    ['an unknown item', 404, 'unknown-item', '/recommend', { history: ['a', 'z'] }],
    ['an unknown user', 404, 'unknown-user', '/recommend', { user: '__proto__' }],
    ['an unknown key', 400, 'unknown-key', '/recommend', { history: ['a'], path: '/etc' }],
    ['no top', 400, 'wrong-value', '/recommend', { history: ['a'], top: 0 }],
    ['a text for a choice', 400, 'wrong-value', '/recommend', { history: ['a'], again: 'yes' }],
    ['no candidates', 400, 'wrong-value', '/rank', { history: ['a'], candidates: [] }],
    ['an unknown candidate', 404, 'unknown-item', '/rank', { history: ['a'], candidates: ['z'] }],
    ['candidates without a history', 400, 'nothing-known', '/rank', { candidates: ['a'] }],
    ['a click on nothing', 404, 'unknown-item', '/click', { user: 'known', item: 'z' }],
    ['a click by nobody', 400, 'wrong-value', '/click', { item: 'a' }],
    ['a giant', 413, 'too-large', '/recommend', { history: ['a'.repeat(200_000)] }],
    ['a form', 415, 'wrong-type', '/recommend', 'history=a', { headers: { 'content-type': 'text/plain' } }],
  ];
  it.each(wrong)('names what is wrong: %s', async (_, status, code, path, body, init) => {
    await start();
    const answer = await ask(path, body, init);
    expect([answer.status, answer.body.error!.code]).toEqual([status, code]);
    expect(answer.body.error!.message).not.toBe('');
  });

  it('refuses what is no HTTP, headers without end, clients that are slow, and other names for itself', async () => {
    await start(fake(), { timeouts: { headers: 300, request: 600 } });
    expect(await raw('what\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*"not-http"/s);
    expect(await raw(`GET / HTTP/1.1\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 .*"headers-too-large"/s,
    );
    const host = 'GET /health HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n';
    expect(await raw(host)).toMatch(/^HTTP\/1\.1 403 .*"wrong-host"/s);
    const slow =
      'POST /recommend HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{';
    expect(await raw(slow)).toMatch(/^HTTP\/1\.1 408 .*"too-slow"/s);
    expect((await ask('/recommend', { history: ['a'] })).status).toBe(200);
  });

  it(
    'outlives two thousand requests, slow clients among them, and names what is wrong with each',
    { timeout: 180_000 },
    async () => {
      await start(fake(), { timeouts: { headers: 4000, request: 5000 } });
      const head = 'POST /recommend HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
      const unfinished: [code: string, bytes: string][] = [
        ['too-slow', `${head}content-length: 100\r\n\r\n{`],
        ['too-slow', 'POST /recommend HTTP/1.1\r\nhost: local'],
        ['not-http', `${head}content-length: -1\r\n\r\n`],
        ['headers-too-large', `${head}x: ${'y'.repeat(40_000)}\r\n\r\n`],
      ];
      const codes = new Map<string, number>();
      const kindOf = (at: number): number => at % (wrong.length + unfinished.length + 1);
      const one = async (at: number): Promise<void> => {
        const kind = kindOf(at);
        const [code, bytes] = unfinished[kind - wrong.length] ?? [];
        if (bytes !== undefined) {
          expect(await raw(bytes)).toContain(`"code":"${code!}"`);
          codes.set(code!, (codes.get(code!) ?? 0) + 1);
          return;
        }
        const [, status, named, path, body, init] =
          wrong[kind] ?? (['', 200, 'none', '/recommend', { history: ['a'] }, {}] as const);
        const answer = await ask(path, body, init);
        const { code: found = 'none', message = 'none' } = answer.body.error ?? {};
        expect([answer.status, found]).toEqual([status, named]);
        expect(message).not.toBe('');
        codes.set(named, (codes.get(named) ?? 0) + 1);
      };
      // Those that are slow hold their connections while the others come and go.
      const held: Promise<void>[] = [];
      const isSlow = (at: number): boolean => unfinished[kindOf(at) - wrong.length]?.[0] === 'too-slow';
      for (let at = 0; at < 2000; at += 50) {
        const batch = Array.from({ length: 50 }, (_, more) => at + more);
        held.push(...batch.filter(isSlow).map(one));
        await Promise.all(batch.filter((own) => !isSlow(own)).map(one));
      }
      await Promise.all(held);
      expect([...codes.values()].reduce((sum, count) => sum + count, 0)).toBe(2000);
      expect(new Set(codes.keys())).toEqual(
        new Set([...wrong.map(([, , code]) => code), ...unfinished.map(([code]) => code), 'none']),
      );
      expect(codes.get('none')).toBeGreaterThan(50);
      expect(logged).toEqual([]);
    },
  );

  it('loses no request when another run is swapped in under load', async () => {
    const [first, second] = [fake('one'), fake('two')];
    await start(first);
    const answers = Array.from({ length: 100 }, () => ask('/recommend', { history: ['a'] }));
    await answers[0];
    const swapped = server!.swap(second);
    const later = Array.from({ length: 50 }, () => ask('/recommend', { history: ['a'] }));
    await swapped;
    const all = await Promise.all([...answers, ...later]);
    expect(all.filter(({ status }) => status !== 200)).toEqual([]);
    expect(new Set(all.map(({ body }) => body.model))).toEqual(new Set(['one', 'two']));
    expect([first.freed(), second.freed()]).toEqual([true, false]);
    expect((await ask('/recommend', { history: ['a'] })).body.model).toBe('two');
  });

  it('says that it failed, and logs where, without telling the client', async () => {
    const broken = { ...fake(), recommend: () => Promise.reject(new Error('out of tensors')) };
    await start(broken);
    const answer = await ask('/recommend', { history: ['a'] });
    expect([answer.status, answer.body.error!.code]).toEqual([500, 'internal']);
    expect(JSON.stringify(answer)).not.toContain('tensors');
    expect(logged[0]).toContain('out of tensors');
  });
});
