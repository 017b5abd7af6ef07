import type { Skipped } from './skipped.ts';
import type { Survey } from './survey.ts';
import { TextWriter, textLines } from './lineCopy.ts';

/** What a line leaves open. */
interface Open {
  /** Cells of the record so far. */
  cells: string[];
  /** The quoted cell that has not ended. */
  cell: string | undefined;
  /** What is wrong with the record. */
  wrong: string | undefined;
}

/** Goes on with a record in its next line. */
function readLine(open: Open, line: string, separator: string): void {
  let at = 0;
  for (;;) {
    if (open.cell === undefined && line[at] !== '"') {
      // A cell without quotation marks around it holds those inside as they are.
      const next = line.indexOf(separator, at);
      open.cells.push(next < 0 ? line.slice(at) : line.slice(at, next));
      if (next < 0) return;
      at = next + separator.length;
      continue;
    }
    if (open.cell === undefined) {
      open.cell = '';
      at++;
    }
    for (;;) {
      const next = line.indexOf('"', at);
      if (next < 0) {
        open.cell += `${line.slice(at)}\n`;
        return;
      }
      open.cell += line.slice(at, next);
      at = next + 1;
      if (line[at] !== '"') break;
      open.cell += '"';
      at++;
    }
    open.cells.push(open.cell);
    open.cell = undefined;
    if (at === line.length) return;
    if (!line.startsWith(separator, at)) {
      open.wrong ??= `a quotation mark must end its cell, got ${JSON.stringify(line.slice(at, at + 20))} behind it`;
      const next = line.indexOf(separator, at);
      if (next < 0) return;
      at = next;
    }
    at += separator.length;
  }
}

/** Cells of the first record of lines; a carriage return at the end of one is no part of it. */
export function firstRecord(lines: readonly string[], separator: string): string[] {
  const open: Open = { cells: [], cell: undefined, wrong: undefined };
  for (const line of lines) {
    readLine(open, line.replace(/\r$/, ''), separator);
    if (open.cell === undefined) break;
  }
  return open.cells;
}

/** Lines that a quoted cell may go over before its mark is taken for one that was never closed. */
const longestCell = 10_000;

/**
 * Writes the records of a CSV file with quotation marks as JSON lines `[line, cell, cell, …]`: cells in marks may hold
 * separators, line breaks and doubled marks (RFC 4180). A mark inside a cell that does not begin with one is a
 * character like any other.
 *
 * @param survey - The file.
 * @param target - Made anew.
 * @param skipped - Told of records whose marks are wrong.
 * @returns Records written, and the line of the last.
 */
export async function writeCsvRecords(
  survey: Survey,
  separator: string,
  target: string,
  skipped: Skipped,
): Promise<number> {
  const writer = new TextWriter(target);
  const { file } = survey;
  let open: Open | undefined;
  let first = 0;
  let number = 0;
  let records = 0;
  for await (const line of textLines(survey)) {
    number++;
    if (!open) {
      if (line.trim() === '') continue;
      open = { cells: [], cell: undefined, wrong: undefined };
      first = number;
    }
    readLine(open, line, separator);
    if (open.cell !== undefined && number - first < longestCell) continue;
    if (open.cell !== undefined)
      open.wrong = `a quotation mark must be closed, got none in ${longestCell.toLocaleString('en-US')} lines`;
    if (open.wrong === undefined) {
      await writer.line(JSON.stringify([first, ...open.cells]));
      records++;
    } else skipped.add({ file, line: first, rule: open.wrong });
    open = undefined;
  }
  if (open)
    skipped.add({ file, line: first, rule: 'a quotation mark must be closed, got the end of the file' });
  await writer.close();
  return records;
}
