import { InputError, quoted } from './errors.ts';
import { eachLine } from './lines.ts';

const tab = 9;

/** The cells of the line that is being visited. */
export class Cells {
  /** Holds the line. */
  bytes: Buffer = Buffer.alloc(0);
  /** Where each cell begins in `bytes`. */
  starts = new Int32Array(16);
  /** Where each cell ends. */
  ends = new Int32Array(16);
  /** How many cells there are. */
  count = 0;

  /** Splits a line at its tabs. Nothing is quoted or trimmed: texts hold quotation marks of their own. */
  split(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.count = 0;
    let from = start;
    for (let at = start; at <= end; at++) {
      if (at < end && bytes[at] !== tab) continue;
      if (this.count === this.starts.length) this.#grow();
      this.starts[this.count] = from;
      this.ends[this.count++] = at;
      from = at + 1;
    }
  }

  #grow(): void {
    for (const name of ['starts', 'ends'] as const) {
      const larger = new Int32Array(2 * this[name].length);
      larger.set(this[name]);
      this[name] = larger;
    }
  }

  /** A cell as text. */
  text(cell: number): string {
    return this.bytes.toString('utf8', this.starts[cell], this.ends[cell]);
  }

  /** Whether a cell holds nothing but blanks. */
  blank(cell: number): boolean {
    const end = this.ends[cell]!;
    for (let at = this.starts[cell]!; at < end; at++) {
      const byte = this.bytes[at]!;
      if (byte !== 32 && !(byte >= 9 && byte <= 13)) return false;
    }
    return true;
  }

  /** All cells as text. */
  texts(): string[] {
    return Array.from({ length: this.count }, (_, cell) => this.text(cell));
  }

  /** Leaves out empty cells behind the first `count`: some programs end every line with a tab. */
  trim(count: number): void {
    while (this.count > count && this.ends[this.count - 1] === this.starts[this.count - 1]) this.count--;
  }
}

/**
 * Calls `visit` with the cells of each line of a tab-separated file that is not empty, and with its number.
 *
 * @throws InputError where the text is damaged; whatever `visit` throws.
 */
export async function eachTsvLine(file: string, visit: (cells: Cells, line: number) => void): Promise<void> {
  const cells = new Cells();
  await eachLine(file, (bytes, start, end, line) => {
    cells.split(bytes, start, end);
    visit(cells, line);
  });
}

/** Columns of a file with a typed header (`name:type`), by name. */
export interface Columns {
  /** Position of a column, or undefined if the file lacks it. */
  find(name: string): number | undefined;
  /** Names, in the file's order. */
  names: readonly string[];
}

/** What separates the columns of a header that has no tab, as a word. */
function otherSeparator(header: string): string | undefined {
  const parts: readonly [RegExp, string][] = [
    [/,/, 'commas'],
    [/;/, 'semicolons'],
    [/\|/, 'bars'],
    [/\S +\S/, 'spaces'],
  ];
  return header.includes('\t') ? undefined : parts.find(([pattern]) => pattern.test(header))?.[1];
}

/**
 * Reads a typed header line: `name:type` cells with the types of RecBole's atomic files.
 *
 * @param required - Columns that must be there, with their types.
 * @throws InputError on columns not separated by tabs, a cell that is no `name:type`, an unknown type, a repeated or a
 *   missing column.
 */
export function readHeader(
  file: string,
  line: number,
  cells: readonly string[],
  required: Readonly<Record<string, string>>,
): Columns {
  const header = cells.join('\t');
  const refuse = (rule: string): InputError => new InputError(file, line, rule);
  const separator = otherSeparator(header);
  if (separator !== undefined)
    throw refuse(
      `columns must be separated by tabs, got ${separator} in ${quoted(header)}: write the file with tabs ` +
        `(pandas: sep='\\t')`,
    );
  const found = new Map<string, { type: string; position: number }>();
  for (const [position, cell] of cells.entries()) {
    const match = /^([^:\s"']+):(token|token_seq|float|float_seq)$/.exec(cell);
    if (!match)
      throw refuse(
        `a header cell must be name:type with type token, token_seq, float or float_seq, got ${quoted(cell)} in ` +
          `column ${position + 1}` +
          (/^["'].*["']$/.test(cell) ? ': write it without quotation marks' : ''),
      );
    const [, name, type] = match;
    if (found.has(name!)) throw refuse(`columns must be named once, got ${quoted(name)} twice`);
    found.set(name!, { type: type!, position });
  }
  for (const [name, type] of Object.entries(required)) {
    const column = found.get(name);
    if (column?.type !== type)
      throw refuse(
        `the header must have a column ${name}:${type}, got ${column ? `${name}:${column.type}` : cells.join(', ')}`,
      );
  }
  return { names: [...found.keys()], find: (name) => found.get(name)?.position };
}

/**
 * Reads a whole file with a typed header.
 *
 * @param required - As for {@link readHeader}.
 * @param open - Called with the columns; gives what to call with the cells and the number of each line after the header.
 * @returns The columns.
 * @throws InputError also if the file is empty or a line has another number of cells than the header.
 */
export async function eachTypedLine(
  file: string,
  required: Readonly<Record<string, string>>,
  open: (columns: Columns) => (cells: Cells, line: number) => void,
): Promise<Columns> {
  let columns: Columns | undefined;
  let visit: ((cells: Cells, line: number) => void) | undefined;
  let count = 0;
  await eachTsvLine(file, (cells, line) => {
    if (!visit) {
      cells.trim(1);
      columns = readHeader(file, line, cells.texts(), required);
      count = columns.names.length;
      visit = open(columns);
      return;
    }
    cells.trim(count);
    if (cells.count !== count)
      throw new InputError(
        file,
        line,
        `a line must have ${count} tab-separated cells as the header, got ${cells.count}`,
      );
    visit(cells, line);
  });
  if (!columns)
    throw new InputError(file, undefined, 'the file must start with a typed header, got an empty file');
  return columns;
}

/**
 * A decimal number such as `-12`, `3.5` or `8.8e8`, spaces around it ignored; NaN if the cell is none. Unlike `Number`,
 * blank cells, hexadecimal numbers and infinities are none.
 */
export function decimal(cells: Cells, cell: number): number {
  const { bytes } = cells;
  const start = cells.starts[cell]!;
  const end = cells.ends[cell]!;
  // Most numbers are a few plain digits.
  if (end > start && end - start < 16) {
    let value = 0;
    let at = start;
    for (; at < end; at++) {
      const digit = bytes[at]! - 48;
      if (digit < 0 || digit > 9) break;
      value = 10 * value + digit;
    }
    if (at === end) return value;
  }
  const text = cells.text(cell).trim();
  const value = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  return Number.isFinite(value) ? value : NaN;
}
