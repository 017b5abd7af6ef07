import { createReadStream } from 'node:fs';
import { parseStream } from 'fast-csv';
import { InputError, quoted } from './errors.ts';

/**
 * Calls `visit` with the cells of each line of a tab-separated file and its line number. Nothing is quoted or
 * trimmed: texts hold quotation marks of their own. An error thrown by `visit` stops the reading.
 *
 * @throws InputError if the file cannot be read; whatever `visit` throws.
 */
export async function eachTsvLine(
  file: string,
  visit: (cells: readonly string[], line: number) => void,
): Promise<void> {
  const source = createReadStream(file);
  const rows = parseStream(source, { delimiter: '\t', quote: null, headers: false, ignoreEmpty: false });
  let line = 0;
  try {
    await new Promise<void>((resolve, reject) => {
      source.on('error', reject);
      rows.on('error', reject);
      rows.on('end', () => {
        resolve();
      });
      rows.on('data', (cells: string[]) => {
        if (source.destroyed && !source.readableEnded) return;
        line++;
        try {
          visit(cells, line);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
          rows.pause();
          source.destroy();
        }
      });
    });
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(file, line || undefined, (error as Error).message);
  }
}

/** Columns of a file with a typed header (`name:type`), by name. */
export interface Columns {
  /** Position of a column, or undefined if the file lacks it. */
  find(name: string): number | undefined;
  /** Number of columns. */
  count: number;
}

/**
 * Reads a typed header line: `name:type` cells with the types of RecBole's atomic files.
 *
 * @param required - Columns that must be there, with their types.
 * @throws InputError on a cell that is no `name:type`, an unknown type, a repeated or a missing column.
 */
export function readHeader(
  file: string,
  cells: readonly string[],
  required: Readonly<Record<string, string>>,
): Columns {
  const found = new Map<string, { type: string; position: number }>();
  for (const [position, cell] of cells.entries()) {
    const match = /^([^:\s]+):(token|token_seq|float|float_seq)$/.exec(
      position === 0 ? cell.replace(/^\uFEFF/, '') : cell,
    );
    if (!match)
      throw new InputError(
        file,
        1,
        `a header cell must be name:type with type token, token_seq, float or float_seq, got ${quoted(cell)}`,
      );
    const [, name, type] = match;
    if (found.has(name!))
      throw new InputError(file, 1, `columns must be named once, got ${quoted(name)} twice`);
    found.set(name!, { type: type!, position });
  }
  for (const [name, type] of Object.entries(required)) {
    const column = found.get(name);
    if (column?.type !== type)
      throw new InputError(
        file,
        1,
        `the header must have a column ${name}:${type}, got ${column ? `${name}:${column.type}` : quoted(cells.join(' '))}`,
      );
  }
  return { count: cells.length, find: (name) => found.get(name)?.position };
}

/**
 * Reads a whole file with a typed header.
 *
 * @param required - As for {@link readHeader}.
 * @param visit - Gets the columns, the cells and the line number of each line after the header.
 * @throws InputError also if the file is empty or a line has another number of cells than the header.
 */
export async function eachTypedLine(
  file: string,
  required: Readonly<Record<string, string>>,
  visit: (columns: Columns, cells: readonly string[], line: number) => void,
): Promise<void> {
  let columns: Columns | undefined;
  await eachTsvLine(file, (cells, line) => {
    if (!columns) {
      columns = readHeader(file, cells, required);
      return;
    }
    if (cells.length !== columns.count)
      throw new InputError(
        file,
        line,
        `a line must have ${columns.count} tab-separated cells as the header, got ${cells.length}`,
      );
    visit(columns, cells, line);
  });
  if (!columns)
    throw new InputError(file, undefined, 'the file must start with a typed header, got an empty file');
}
