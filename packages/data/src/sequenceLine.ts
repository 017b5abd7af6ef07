import { FloatList, IntList } from './growing.ts';
import type { IdTable } from './idTable.ts';

const quote = 34;
const backslash = 92;
const comma = 44;
const colon = 58;
const bracketOpen = 91;
const bracketClose = 93;
const braceOpen = 123;
const braceClose = 125;

/**
 * Reads lines of `sequences.jsonl` of the usual kind without making a string or an object of them: `{"user": …, "items":
 * […], "ts": […]}` in any order, ids without escapes or plain integers, no other key, every item known. Of any other
 * line it says so, and `JSON.parse` is asked: it is right about all, and slower by half.
 */
export class SequenceLine {
  /** Item numbers of the line. */
  readonly items = new IntList();
  /** Times of the line, as many as items, if {@link timed}. */
  readonly times = new FloatList();
  /** Whether the line has times. */
  timed = false;
  /** Where the user id begins and ends. */
  userStart = 0;
  /** See {@link userStart}. */
  userEnd = 0;

  readonly #ids: IdTable;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  /** @param ids - The known items. */
  constructor(ids: IdTable) {
    this.#ids = ids;
  }

  /** Makes it an empty line. */
  clear(): void {
    this.items.length = 0;
    this.times.length = 0;
    this.timed = false;
  }

  /** Reads a line. False if it is not of the usual kind; its members mean nothing then. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.clear();
    if (!this.#take(braceOpen)) return false;
    const seen = new Set<string>();
    do {
      const key = this.#key();
      if (key === undefined || seen.has(key) || !this.#value(key)) return false;
      seen.add(key);
    } while (this.#take(comma));
    if (!this.#take(braceClose) || !seen.has('user') || !seen.has('items')) return false;
    this.timed = seen.has('ts');
    if (this.timed && this.times.length !== this.items.length) return false;
    this.#skip();
    return this.#at === this.#end;
  }

  /** Reads the value of a key; false if it is not of the usual kind, or the key is none of the three. */
  #value(key: string): boolean {
    if (key === 'user') return this.#user();
    if (key === 'items') return this.#list(() => this.#item());
    return key === 'ts' && this.#list(() => this.#time());
  }

  /** Passes over JSON's white space. */
  #skip(): void {
    for (; this.#at < this.#end; this.#at++) {
      const byte = this.#bytes[this.#at];
      if (byte !== 32 && byte !== 9 && byte !== 13) return;
    }
  }

  /** Takes a byte, if it is the next one behind white space. */
  #take(byte: number): boolean {
    this.#skip();
    if (this.#at >= this.#end || this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  /** End of a string without escapes whose first character is next; -1 if it is another. */
  #string(): number {
    const start = this.#at;
    for (; this.#at < this.#end; this.#at++) {
      const byte = this.#bytes[this.#at]!;
      if (byte === quote) return this.#at++ === start ? -1 : this.#at - 1;
      // Bytes above 127 may be blanks of other scripts, of which an id must not consist.
      if (byte === backslash || byte < 32 || (this.#at === start && (byte === 32 || byte > 127))) return -1;
    }
    return -1;
  }

  /** The next key with its colon. */
  #key(): string | undefined {
    if (!this.#take(quote)) return undefined;
    const start = this.#at;
    const end = this.#string();
    if (end < 0 || end - start > 5 || !this.#take(colon)) return undefined;
    let key = '';
    for (let at = start; at < end; at++) key += String.fromCharCode(this.#bytes[at]!);
    return key;
  }

  /** The integer of up to 15 digits that is next, written as `String` would; -1 if there is none. */
  #integer(): number {
    const start = this.#at;
    let value = 0;
    for (; this.#at < this.#end; this.#at++) {
      const digit = this.#bytes[this.#at]! - 48;
      if (digit < 0 || digit > 9) break;
      value = 10 * value + digit;
    }
    const length = this.#at - start;
    const canonical = length > 0 && length <= 15 && (length === 1 || this.#bytes[start] !== 48);
    return canonical && this.#atBreak() ? value : -1;
  }

  /** Whether a value ends here: nothing that could go on a number follows. */
  #atBreak(): boolean {
    if (this.#at >= this.#end) return false;
    const byte = this.#bytes[this.#at]!;
    return byte === comma || byte === bracketClose || byte === braceClose || byte === 32 || byte === 9;
  }

  /** Passes over an id, between whose marks it then lies: where it ends, -1 if there is none. */
  #id(): number {
    return this.#take(quote) ? this.#string() : this.#integer() >= 0 ? this.#at : -1;
  }

  #user(): boolean {
    this.#skip();
    this.userStart = this.#at + (this.#bytes[this.#at] === quote ? 1 : 0);
    this.userEnd = this.#id();
    return this.userEnd >= 0;
  }

  #item(): boolean {
    this.#skip();
    const start = this.#at + (this.#bytes[this.#at] === quote ? 1 : 0);
    const end = this.#id();
    if (end < 0) return false;
    const number = this.#ids.find(this.#bytes, start, end);
    this.items.push(number + 1);
    return number >= 0;
  }

  #time(): boolean {
    this.#skip();
    const value = this.#integer();
    this.times.push(value);
    return value >= 0;
  }

  /** Reads a list of what `entry` reads. */
  #list(entry: () => boolean): boolean {
    if (!this.#take(bracketOpen)) return false;
    if (this.#take(bracketClose)) return true;
    do if (!entry()) return false;
    while (this.#take(comma));
    return this.#take(bracketClose);
  }
}
