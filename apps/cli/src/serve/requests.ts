import type { IncomingMessage } from 'node:http';
import { repeatedKey } from '@ferry/data';

/** A request that is refused: its name and words are the answer's. */
export class RefusedRequest extends Error {
  override readonly name = 'RefusedRequest';
  /** HTTP status. */
  readonly status: number;
  /** What it is called, such as `unknown-item`. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Limits of what is read. */
export const limits = {
  /** Bytes of a body. */
  body: 64 * 1024,
  /** Items of a history. */
  history: 1000,
  /** Items that are asked for. */
  top: 1000,
  /** Characters of an id. */
  id: 200,
} as const;

/** What {@link readBody} gives. */
type Body = Readonly<Record<string, unknown>>;

/**
 * Reads a JSON object.
 *
 * @throws RefusedRequest for another type, a body that is too large, and what is no JSON object.
 */
export async function readBody(request: IncomingMessage): Promise<Body> {
  // Pages of other sites can send forms and plain text without asking, but no JSON.
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json')
    throw new RefusedRequest(
      415,
      'wrong-type',
      `content-type must be application/json, got ${type ?? 'none'}`,
    );
  const blocks: Buffer[] = [];
  let size = 0;
  for await (const block of request as AsyncIterable<Buffer>) {
    size += block.length;
    if (size > limits.body)
      throw new RefusedRequest(413, 'too-large', `a body must have at most ${limits.body} bytes`);
    blocks.push(block);
  }
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(blocks));
    value = JSON.parse(text);
  } catch {
    throw new RefusedRequest(400, 'not-json', 'a body must be JSON in UTF-8');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RefusedRequest(400, 'not-an-object', 'a body must be a JSON object');
  const twice = repeatedKey(text);
  if (twice !== undefined)
    throw new RefusedRequest(
      400,
      'repeated-key',
      `a key must come once, got ${JSON.stringify(twice.slice(0, limits.id))} twice`,
    );
  return value as Body;
}

/** Refuses keys that mean nothing. */
export function checkKeys(body: Body, known: readonly string[]): void {
  const other = Object.keys(body).find((key) => !known.includes(key));
  if (other !== undefined)
    throw new RefusedRequest(
      400,
      'unknown-key',
      `keys must be of ${known.join(', ')}, got ${JSON.stringify(other.slice(0, limits.id))}`,
    );
}

/** An id. */
export function idOf(value: unknown, key: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= limits.id) return value;
  throw new RefusedRequest(400, 'wrong-value', `${key} must be a text of 1 to ${limits.id} characters`);
}

/** A list of ids. */
export function idsOf(value: unknown, key: string): string[] {
  if (!Array.isArray(value) || value.length > limits.history)
    throw new RefusedRequest(400, 'wrong-value', `${key} must be a list of at most ${limits.history} ids`);
  return value.map((id) => idOf(id, `an entry of ${key}`));
}

/** How many items are asked for. */
export function topOf(value: unknown): number {
  if (value === undefined) return 10;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= limits.top) return value;
  throw new RefusedRequest(400, 'wrong-value', `top must be a whole number from 1 to ${limits.top}`);
}

/** A choice. */
export function flagOf(value: unknown, key: string): boolean {
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  throw new RefusedRequest(400, 'wrong-value', `${key} must be true or false`);
}
