import { InputError, quoted } from './errors.ts';
import { readTextFile } from './text.ts';

const quote = 34;
const backslash = 92;
const comma = 44;
const bracketOpen = 91;
const bracketClose = 93;
const braceOpen = 123;
const braceClose = 125;

/** Where the string that begins at a place ends: the place of its last mark. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let before = end;
    while (text.charCodeAt(before - 1) === backslash) before--;
    if ((end - before) % 2 === 0) return end;
  }
}

/**
 * The first key that comes twice in one object of a JSON text. `JSON.parse` takes the last of its values and says nothing.
 *
 * @param text - JSON that was parsed.
 * @returns Undefined if there is none.
 */
export function repeatedKey(text: string): string | undefined {
  // The keys of each open object; undefined for an open list.
  const open: (Set<string> | undefined)[] = [];
  let keys: Set<string> | undefined;
  let atKey = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote: {
        const end = stringEnd(text, at);
        if (atKey) {
          const written = text.slice(at + 1, end);
          const key = written.includes('\\') ? (JSON.parse(text.slice(at, end + 1)) as string) : written;
          if (keys!.has(key)) return key;
          keys!.add(key);
          atKey = false;
        }
        at = end;
        break;
      }
      case comma:
        atKey = keys !== undefined;
        break;
      case braceOpen:
        open.push(keys);
        keys = new Set();
        atKey = true;
        break;
      case bracketOpen:
        open.push(keys);
        keys = undefined;
        atKey = false;
        break;
      case braceClose:
      case bracketClose:
        keys = open.pop();
        atKey = false;
    }
  }
  return undefined;
}

/** How many strings of a text have a colon behind them: at least as many as it has keys. */
function keysAtMost(text: string): number {
  let count = 0;
  for (let at = text.indexOf(':'); at >= 0; at = text.indexOf(':', at + 1)) {
    let before = at - 1;
    while (text.charCodeAt(before) <= 32) before--;
    if (text.charCodeAt(before) === quote) count++;
  }
  return count;
}

/** What JSON says, or an error that begins with what it must be. */
function parsed(text: string, must: string, file: string, line: number | undefined): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(file, line, `${must}, got ${quoted(text)} (${(error as Error).message})`);
  }
}

function checkKeys(text: string, value: object, file: string, line: number | undefined): void {
  const key = keysAtMost(text) > Object.keys(value).length ? repeatedKey(text) : undefined;
  if (key !== undefined)
    throw new InputError(file, line, `a key must come once in an object, got ${quoted(key)} twice`);
}

/**
 * An object that a text holds.
 *
 * @param file - Its name in errors.
 * @param line - The line that is the text, where it is none of a whole file.
 * @throws InputError where it is anything else, or one of its objects says a key twice.
 */
export function parseObject(text: string, file: string, line?: number): Record<string, unknown> {
  const must = line === undefined ? 'the file must be a JSON object' : 'a line must be one JSON object';
  const value = parsed(text, must, file, line);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InputError(file, line, `${must}, got ${quoted(text)}`);
  checkKeys(text, value, file, line);
  return value as Record<string, unknown>;
}

/**
 * The object of a JSON file: of settings, of a record, or of a model's folder.
 *
 * @returns Undefined if there is no such file.
 * @throws InputError as reading text and parsing it do.
 */
export async function readObject(file: string): Promise<Record<string, unknown> | undefined> {
  const text = await readTextFile(file);
  return text === undefined ? undefined : parseObject(text, file);
}

/**
 * The list of a JSON file.
 *
 * @returns Undefined if there is no such file.
 * @throws InputError as {@link readObject} does.
 */
export async function readList(file: string): Promise<unknown[] | undefined> {
  const text = await readTextFile(file);
  if (text === undefined) return undefined;
  const value = parsed(text, 'the file must be a JSON list', file, undefined);
  if (!Array.isArray(value))
    throw new InputError(file, undefined, `the file must be a JSON list, got ${quoted(text)}`);
  checkKeys(text, value, file, undefined);
  return value as unknown[];
}
