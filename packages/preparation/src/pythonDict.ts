/** Escapes of Python's strings that JSON writes otherwise. */
const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '0': '\0',
  '\n': '',
};

/** Reads a value that Python's `repr` has printed: the files of Amazon 2014 are such lines. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): unknown {
    const value = this.#value();
    this.#blank();
    if (this.#at < this.#text.length) throw this.#wrong();
    return value;
  }

  #wrong(): SyntaxError {
    return new SyntaxError(
      `got ${JSON.stringify(this.#text.slice(this.#at, this.#at + 20))} at column ${this.#at + 1}`,
    );
  }

  #blank(): void {
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at++;
  }

  #take(token: string): boolean {
    this.#blank();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #value(): unknown {
    this.#blank();
    const found = this.#text[this.#at];
    if (found === '{') return this.#mapping();
    if (found === '[') return this.#list('[', ']');
    if (found === '(') return this.#list('(', ')');
    if (found === "'" || found === '"' || /^[uUbB]['"]/.test(this.#text.slice(this.#at, this.#at + 2)))
      return this.#string();
    for (const [word, value] of [
      ['True', true],
      ['False', false],
      ['None', null],
      ['nan', null],
    ] as const)
      if (this.#take(word)) return value;
    const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/.exec(
      this.#text.slice(this.#at, this.#at + 40),
    )?.[0];
    if (number === undefined) throw this.#wrong();
    this.#at += number.length;
    // A whole number beyond 2^53 stays the text it is: as a number it would be another, and two ids one.
    return /^[+-]?\d+$/.test(number) && !Number.isSafeInteger(Number(number)) ? number : Number(number);
  }

  #list(open: string, close: string): unknown[] {
    this.#take(open);
    const values: unknown[] = [];
    while (!this.#take(close)) {
      values.push(this.#value());
      if (this.#take(',')) continue;
      if (this.#take(close)) break;
      throw this.#wrong();
    }
    return values;
  }

  #mapping(): Record<string, unknown> {
    this.#take('{');
    const entries: [string, unknown][] = [];
    while (!this.#take('}')) {
      const key = this.#value();
      if (!this.#take(':')) throw this.#wrong();
      entries.push([String(key), this.#value()]);
      if (this.#take(',')) continue;
      if (this.#take('}')) break;
      throw this.#wrong();
    }
    return Object.fromEntries(entries);
  }

  #string(): string {
    if (/[uUbB]/.test(this.#text[this.#at]!)) this.#at++;
    const quote = this.#text[this.#at++]!;
    let value = '';
    for (;;) {
      const character = this.#text[this.#at++];
      if (character === undefined) throw this.#wrong();
      if (character === quote) return value;
      if (character !== '\\') {
        value += character;
        continue;
      }
      const code = this.#text[this.#at++] ?? '';
      const digits = { x: 2, u: 4, U: 8 }[code];
      if (digits === undefined) value += escapes[code] ?? `\\${code}`;
      else {
        const hex = this.#text.slice(this.#at, this.#at + digits);
        const point = parseInt(hex, 16);
        if (!/^[0-9a-fA-F]+$/.test(hex) || hex.length < digits || point > 0x10ffff) throw this.#wrong();
        value += String.fromCodePoint(point);
        this.#at += digits;
      }
    }
  }
}

/**
 * Reads a Python literal: mappings, lists, tuples, strings, numbers (whole ones beyond 2^53 as text), True, False, None.
 *
 * @throws SyntaxError saying where it stops being one.
 */
export function parsePython(text: string): unknown {
  return new Reader(text).whole();
}
