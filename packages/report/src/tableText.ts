import { writeToString } from '@fast-csv/format';
import { wellFormed } from './numbers.ts';
import { printable } from './printable.ts';
import { showTable } from './table.ts';
import type { Cell, Column, ShownCell, Table } from './table.ts';

function plain({ text, deviation }: ShownCell): string {
  return deviation === undefined ? text : `${text} ± ${deviation}`;
}

/** Columns a text takes in a terminal: code points, without combining marks; wide East Asian ones count twice. */
function textWidth(text: string): number {
  let width = 0;
  for (const char of text) {
    const code = char.codePointAt(0)!;
    if (/\p{Mark}/u.test(char)) continue;
    const wide =
      (code >= 0x1100 && code <= 0x115f) ||
      (code >= 0x2e80 && code <= 0xa4cf) ||
      (code >= 0xac00 && code <= 0xd7a3) ||
      (code >= 0xf900 && code <= 0xfaff) ||
      (code >= 0xfe30 && code <= 0xfe6f) ||
      (code >= 0xff00 && code <= 0xff60) ||
      (code >= 0x1f300 && code <= 0x1faff);
    width += wide ? 2 : 1;
  }
  return width;
}

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - textWidth(text)));
  return right ? space + text : text + space;
}

/** Lines up cells: widths of the columns, headings included. */
function widths(titles: readonly string[], rows: readonly (readonly string[])[]): number[] {
  return titles.map((title, i) =>
    rows.reduce((most, row) => Math.max(most, textWidth(row[i]!)), textWidth(title)),
  );
}

/** How {@link tableToText} sets a table. */
export interface TextOptions {
  /** Columns of the terminal; a wider table is cut into several below one another. Default: no bound. */
  readonly width?: number;
}

/** Splits value columns into parts that fit beside the leading text columns, which every part repeats. */
function partsOf(sizes: readonly number[], leading: number, width: number): number[][] {
  const names = Array.from({ length: leading }, (_, i) => i);
  const total = (columns: readonly number[]): number =>
    columns.reduce((sum, i) => sum + sizes[i]! + 2, 0) - 2;
  const parts: number[][] = [];
  for (let i = leading; i < sizes.length; i++) {
    const last = parts.at(-1);
    if (last && total([...last, i]) <= width) last.push(i);
    else parts.push([...names, i]);
  }
  return parts.length > 0 ? parts : [names];
}

/**
 * A table for the terminal: aligned columns, a rule under the headings, the best of a column marked by `*`. A table
 * that is too wide is cut between columns, never within rows: each part repeats the columns of text that the table
 * begins with.
 */
export function tableToText(table: Table, { width = Infinity }: TextOptions = {}): string {
  const { titles, right, rows, begins } = showTable(table);
  // A column with a best has one more place, so that the mark does not shift its digits.
  const marked = table.columns.map((column) => column.best !== undefined);
  const texts = rows.map((row) =>
    row.map((cell, i) => printable(plain(cell)) + (marked[i] ? (cell.best ? '*' : ' ') : '')),
  );
  const heads = titles.map((title, i) => printable(title) + (marked[i] && right[i] ? ' ' : ''));
  const size = widths(heads, texts);
  const firstNumber = right.indexOf(true);
  const parts = partsOf(size, firstNumber < 0 ? 1 : firstNumber, width).map((columns) => {
    const line = (cells: readonly string[]): string =>
      columns
        .map((i) => pad(cells[i]!, size[i]!, right[i]!))
        .join('  ')
        .trimEnd();
    const rule = columns.map((i) => '─'.repeat(size[i]!)).join('  ');
    const body = texts.flatMap((row, r) => (begins[r] ? [rule, line(row)] : [line(row)]));
    return `${[line(heads), rule, ...body].join('\n')}\n`;
  });
  return parts.join('\n');
}

/** A table in Markdown (GitHub's dialect), aligned in the source too; the best of a column in bold. */
export function tableToMarkdown(table: Table): string {
  const { titles, right, rows } = showTable(table);
  const escape = (text: string): string => text.replace(/[\\|*_`<]/g, '\\$&').replace(/\s*\n\s*/g, '<br>');
  const heads = titles.map(escape);
  const texts = rows.map((row) =>
    row.map((cell) => (cell.best ? `**${escape(plain(cell))}**` : escape(plain(cell)))),
  );
  const size = widths(heads, texts).map((width) => Math.max(3, width));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => pad(cell, size[i]!, right[i]!)).join(' | ')} |`;
  const rule = size.map((width, i) => (right[i] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return `${[line(heads), line(rule), ...texts.map(line)].join('\n')}\n`;
}

function isMeasured(column: Column, table: Table): boolean {
  return table.rows.some((row) => typeof row[column.key] === 'object' && row[column.key] !== null);
}

/**
 * A table as CSV (RFC 4180, `\n` at line ends) with numbers in full precision. A column of measurements becomes three:
 * mean, deviation and count.
 */
export async function tableToCsv(table: Table): Promise<string> {
  showTable(table);
  const heads = table.columns.flatMap((column) =>
    isMeasured(column, table)
      ? [column.title, `${column.title} deviation`, `${column.title} count`]
      : [column.title],
  );
  const fields = (column: Column, cell: Cell | undefined): string[] => {
    const measured = isMeasured(column, table);
    if (typeof cell === 'object' && cell !== null) return [cell.mean, cell.deviation, cell.count].map(String);
    const text = cell === null || cell === undefined ? '' : String(cell);
    return measured ? [text, '', ''] : [text];
  };
  const lines = table.rows.map((row) => table.columns.flatMap((column) => fields(column, row[column.key])));
  return wellFormed(await writeToString([heads, ...lines], { includeEndRowDelimiter: true }));
}

const latexSpecial: Record<string, string> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '<': '\\textless{}',
  '>': '\\textgreater{}',
  '|': '\\textbar{}',
  // At the beginning of a row they would belong to the end of the one before.
  '[': '{[}',
  '*': '{*}',
  '\u2212': '$-$',
  '±': '$\\pm$',
  '×': '$\\times$',
  '∞': '$\\infty$',
};

function latexEscape(text: string): string {
  return printable(text).replace(/[\\~^<>|[*\u2212±×∞#$%&_{}]/g, (c) => latexSpecial[c] ?? `\\${c}`);
}

/** A table as a LaTeX `tabular` with the rules of the booktabs package; the best of a column in bold. */
export function tableToLatex(table: Table): string {
  const { titles, right, rows, begins } = showTable(table);
  const cellText = (cell: ShownCell): string => {
    const main = cell.best ? `\\textbf{${latexEscape(cell.text)}}` : latexEscape(cell.text);
    return cell.deviation === undefined ? main : `${main} $\\pm$ ${latexEscape(cell.deviation)}`;
  };
  const line = (cells: readonly string[]): string => `${cells.join(' & ')} \\\\`;
  return [
    `\\begin{tabular}{${right.map((r) => (r ? 'r' : 'l')).join('')}}`,
    '\\toprule',
    line(titles.map(latexEscape)),
    '\\midrule',
    ...rows.flatMap((row, r) => [...(begins[r] ? ['\\midrule'] : []), line(row.map(cellText))]),
    '\\bottomrule',
    '\\end{tabular}',
    '',
  ].join('\n');
}
