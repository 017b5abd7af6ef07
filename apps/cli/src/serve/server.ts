import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ServedRun } from '@ferry/studies';
import { Clicks } from './clicks.ts';
import { page } from './page.ts';
import { checkKeys, flagOf, idOf, idsOf, readBody, RefusedRequest, topOf } from './requests.ts';

/** Requests that wait for the model at most; more are refused at once. */
const mostWaiting = 256;
/** Milliseconds that a client has to send its headers, its whole request, and its next one. */
const timeouts = { headers: 5_000, request: 10_000, keepAlive: 5_000 };

/** How a run is served. */
export interface ServeOptions {
  /** Address to listen at. Default 127.0.0.1, which this machine alone reaches. */
  readonly host?: string;
  /** Port; 0 for any that is free. Default 8080. */
  readonly port?: number;
  /** Milliseconds for headers, whole requests and idle connections. */
  readonly timeouts?: Partial<typeof timeouts>;
  /** Told of errors that are none of the client's. */
  readonly log?: (message: string) => void;
}

/** A server that answers. */
export interface RunServer {
  /** Where it listens, such as http://127.0.0.1:8080. */
  readonly address: string;
  /** Answers with another run from the next request on; those that wait lose nothing. The old one is freed. */
  swap(next: ServedRun): Promise<void>;
  /** Answers what it has taken, then ends. */
  close(): Promise<void>;
}

/** One after the other: a model answers one request at a time. */
class Turns {
  #last: Promise<unknown> = Promise.resolve();
  waiting = 0;

  /** Runs work when everything before it has ended. */
  take<T>(work: () => T | Promise<T>): Promise<T> {
    this.waiting++;
    const own = this.#last.then(work).finally(() => this.waiting--);
    this.#last = own.catch(() => undefined);
    return own;
  }
}

/** What is wrong with a request that cannot be parsed, by Node's error. */
const brokenRequests: Readonly<Record<string, [status: number, code: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'headers-too-large', 'headers must have at most 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'too-slow', 'a request must come faster'],
};

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

function answer(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  response.end(text);
}

/** Answers a refused request; its body, if one is still to come, is not read. */
function refuse(request: IncomingMessage, response: ServerResponse, error: RefusedRequest): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (!request.complete) response.shouldKeepAlive = false;
  answer(response, error.status, { error: { code: error.code, message: error.message } });
  if (!request.complete) request.resume();
}

/** What a server holds. */
interface State {
  served: ServedRun;
  readonly clicks: Clicks;
  readonly turns: Turns;
}

/** What a request knows of the one who asks: the history that is given or kept, and the clicks that came since. */
function asker(
  body: Readonly<Record<string, unknown>>,
  { served, clicks }: State,
): { history: string[]; user?: string } {
  const user = body['user'] === undefined ? undefined : idOf(body['user'], 'user');
  const given = body['history'] === undefined ? undefined : idsOf(body['history'], 'history');
  if (user === undefined && given === undefined)
    throw new RefusedRequest(400, 'nothing-known', 'a request must have a history, a user, or both');
  const known = user === undefined ? undefined : served.historyOf(user);
  const clicked = user === undefined ? [] : clicks.of(user);
  if (user !== undefined && known === undefined && clicked.length === 0 && given === undefined)
    throw new RefusedRequest(
      404,
      'unknown-user',
      `no user ${JSON.stringify(user)} in ${served.domain}, and no click of theirs`,
    );
  refuseUnknown(given ?? [], served);
  // A model that was swapped in meanwhile may lack what was clicked before.
  const history = [...(given ?? known ?? []), ...clicked].filter((id) => served.hasItem(id));
  if (history.length === 0)
    throw new RefusedRequest(400, 'nothing-known', 'a history must have at least one item, got none');
  return { history, user };
}

function refuseUnknown(ids: readonly string[], served: ServedRun): void {
  const unknown = ids.find((id) => !served.hasItem(id));
  if (unknown !== undefined)
    throw new RefusedRequest(404, 'unknown-item', `no item ${JSON.stringify(unknown)} in ${served.domain}`);
}

/** Asks the model, when the request is read and checked; what comes behind the checks waits for its turn. */
async function ask(
  { turns, served }: State,
  history: readonly string[],
  work: () => Promise<unknown[]>,
): Promise<unknown> {
  if (turns.waiting >= mostWaiting)
    throw new RefusedRequest(503, 'busy', `${mostWaiting} requests wait already: try again`);
  const { model, domain } = served;
  return { model, domain, history: history.length, items: await turns.take(work) };
}

/** The items of a run that fit a history. */
async function recommended(request: IncomingMessage, state: State): Promise<unknown> {
  const body = await readBody(request);
  // From here to the turn nothing waits, so that a run that is swapped out meanwhile is not asked any more.
  const { served } = state;
  checkKeys(body, ['history', 'user', 'top', 'again']);
  const top = topOf(body['top']);
  const again = flagOf(body['again'], 'again');
  const { history, ...who } = asker(body, state);
  return ask(state, history, () => served.recommend(history, { top, again, ...who }));
}

/** Some candidates in order. */
async function ranked(request: IncomingMessage, state: State): Promise<unknown> {
  const body = await readBody(request);
  const { served } = state;
  const { rank } = served;
  if (!rank)
    throw new RefusedRequest(404, 'not-ranking', `${served.model} ranks its own items: ask /recommend`);
  checkKeys(body, ['history', 'user', 'candidates']);
  const candidates = idsOf(body['candidates'], 'candidates');
  if (candidates.length === 0)
    throw new RefusedRequest(400, 'wrong-value', 'candidates must be at least one id, got none');
  refuseUnknown(candidates, served);
  const { history, user } = asker(body, state);
  return ask(state, history, () => rank(history, candidates, user));
}

/**
 * Serves a run over HTTP. `GET /health` says what answers, `POST /recommend` takes `{history: [ids]}` or `{user}`, with
 * `top` and `again`, `POST /rank` the same with `candidates` (models of news), `POST /click` takes `{user, item}` and
 * keeps it in memory, `GET /` is a page to try it. Every answer is JSON, errors as `{error: {code, message}}`. Nothing
 * that comes in is run, read as a path or written.
 */
export async function serve(first: ServedRun, options: ServeOptions = {}): Promise<RunServer> {
  const { host = '127.0.0.1', port = 8080, log } = options;
  const wait = { ...timeouts, ...options.timeouts };
  const state: State = { served: first, clicks: new Clicks(), turns: new Turns() };
  const { clicks, turns } = state;
  const open = loopback.test(host);

  /** What a request is answered with. */
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // A page of another site whose name points here would reach a server that only this machine should.
    if (open && !loopback.test(request.headers.host ?? ''))
      throw new RefusedRequest(403, 'wrong-host', 'the host must be this machine');
    const path = (request.url ?? '').split('?', 1)[0]!;
    const methods: Readonly<Record<string, string>> = {
      '/': 'GET',
      '/health': 'GET',
      '/recommend': 'POST',
      '/rank': 'POST',
      '/click': 'POST',
    };
    const method = Object.hasOwn(methods, path) ? methods[path] : undefined;
    if (method === undefined)
      throw new RefusedRequest(404, 'unknown-path', `paths are ${Object.keys(methods).join(', ')}`);
    if (request.method !== method) {
      response.setHeader('allow', method);
      throw new RefusedRequest(405, 'wrong-method', `${path} takes ${method}, got ${request.method}`);
    }
    if (path === '/') {
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy':
          "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; " +
          "frame-ancestors 'none'",
      });
      response.end(page);
      return;
    }
    if (path === '/health') {
      const { run, model, domain, items, checkpoint } = state.served;
      answer(response, 200, { run, model, domain, items, checkpoint });
      return;
    }
    if (path === '/click') {
      const body = await readBody(request);
      checkKeys(body, ['user', 'item']);
      const [user, item] = [idOf(body['user'], 'user'), idOf(body['item'], 'item')];
      const { served } = state;
      if (!served.hasItem(item))
        throw new RefusedRequest(404, 'unknown-item', `no item ${JSON.stringify(item)} in ${served.domain}`);
      clicks.add(user, item);
      answer(response, 200, { user, clicks: clicks.of(user).length });
      return;
    }
    answer(response, 200, await (path === '/rank' ? ranked : recommended)(request, state));
  };

  const server: Server = createServer({ connectionsCheckingInterval: 500 }, (request, response) => {
    request.on('error', () => response.destroy());
    handle(request, response).catch((error: unknown) => {
      if (error instanceof RefusedRequest) {
        refuse(request, response, error);
        return;
      }
      if (request.destroyed && !request.complete) return;
      log?.(error instanceof Error ? (error.stack ?? error.message) : String(error));
      refuse(request, response, new RefusedRequest(500, 'internal', 'the server failed: its log says where'));
    });
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable) return;
    const [status, code, message] = brokenRequests[error.code ?? ''] ?? [
      400,
      'not-http',
      'a request must be HTTP/1.1',
    ];
    const text = JSON.stringify({ error: { code, message } });
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json; charset=utf-8\r\n` +
        `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
    );
  });
  server.headersTimeout = wait.headers;
  server.requestTimeout = wait.request;
  server.keepAliveTimeout = wait.keepAlive;
  server.maxRequestsPerSocket = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: own } = server.address() as AddressInfo;
  return {
    address: `http://${host.includes(':') ? `[${host}]` : host}:${own}`,
    swap: async (next) => {
      const before = state.served;
      state.served = next;
      // Turns that were taken before end before this one.
      await turns.take(() => {
        before.dispose();
      });
    },
    close: async () => {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeIdleConnections();
      });
      await turns.take(() => {
        state.served.dispose();
      });
    },
  };
}
