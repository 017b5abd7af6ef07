import { formatNumber } from './numbers.ts';
import type { Measurement } from './numbers.ts';

/** What a cell holds; null for nothing. */
export type Cell = string | number | Measurement | null;

/** A column of a {@link Table}. */
export interface Column {
  /** Which member of a row it shows. */
  readonly key: string;
  /** Its heading. */
  readonly title: string;
  /** `text` (default) is aligned left; `number` and `percent` (a share, shown times 100 with a %) right. */
  readonly kind?: 'text' | 'number' | 'percent';
  /** Decimals of numbers. Default 0 for whole numbers throughout the column, else 4 for numbers and 1 for percents. */
  readonly decimals?: number;
  /** Which value of the column, or of each group of rows, is set in bold: the largest or the smallest. Default none. */
  readonly best?: 'max' | 'min';
}

/** Rows under typed columns. */
export interface Table {
  /** The columns, left to right. */
  readonly columns: readonly Column[];
  /** The rows, top to bottom; a member that is absent is an empty cell. */
  readonly rows: readonly Readonly<Record<string, Cell | undefined>>[];
  /** A column whose consecutive equal values make a group of rows, set apart by a rule; each has its own best values. */
  readonly groupBy?: string;
}

/** A cell ready to be set. */
export interface ShownCell {
  /** Its text. */
  readonly text: string;
  /** Its deviation, to be set after a plus-minus sign; absent for plain cells. */
  readonly deviation?: string;
  /** Whether it is the best of its column, as shown. */
  readonly best: boolean;
}

/** A table's texts, headings apart. */
export interface ShownTable {
  /** Headings. */
  readonly titles: readonly string[];
  /** Which columns are aligned right. */
  readonly right: readonly boolean[];
  /** Cells, row by row. */
  readonly rows: readonly (readonly ShownCell[])[];
  /** Whether a row begins a group; never the first row. */
  readonly begins: readonly boolean[];
}

function valueOf(cell: Cell | undefined): number | undefined {
  if (typeof cell === 'number') return cell;
  return typeof cell === 'object' && cell !== null ? cell.mean : undefined;
}

function decimalsOf(column: Column, cells: readonly (Cell | undefined)[]): number {
  if (column.decimals !== undefined) return column.decimals;
  if (column.kind === 'percent') return 1;
  return cells.every((cell) => cell === null || cell === undefined || Number.isInteger(cell)) ? 0 : 4;
}

/** The best value's text in some cells; undefined where there is nothing to compare. */
function bestOf(
  column: Column,
  cells: readonly (Cell | undefined)[],
  show: (value: number) => string,
): string | undefined {
  const values = cells.map(valueOf).filter((v): v is number => v !== undefined && Number.isFinite(v));
  if (!column.best || values.length < 2) return undefined;
  const better = column.best === 'min' ? Math.min : Math.max;
  return show(values.reduce((a, b) => better(a, b)));
}

/** @param groups - The group of each row, ascending. */
function showColumn(
  column: Column,
  cells: readonly (Cell | undefined)[],
  groups: readonly number[],
): ShownCell[] {
  const decimals = decimalsOf(column, cells);
  const scale = column.kind === 'percent' ? 100 : 1;
  const show = (value: number): string => formatNumber(value * scale, decimals);
  const best = new Map(
    [...new Set(groups)].map((group) => [
      group,
      bestOf(
        column,
        cells.filter((_, r) => groups[r] === group),
        show,
      ),
    ]),
  );
  return cells.map((cell, r) => {
    if (cell === null || cell === undefined) return { text: '', best: false };
    if (typeof cell === 'string') return { text: cell, best: false };
    const value = valueOf(cell)!;
    const text = show(value);
    // Values that read the same are all best: bold must not tell apart what the digits do not.
    const isBest = text === best.get(groups[r]!);
    const unit = column.kind === 'percent' && Number.isFinite(value) ? '%' : '';
    if (typeof cell === 'number' || cell.count < 2) return { text: text + unit, best: isBest };
    return { text, deviation: show(cell.deviation) + unit, best: isBest };
  });
}

/**
 * Formats every cell of a table.
 *
 * @throws Error if a row has a member that no column shows (so that no result is lost by a misspelt key), or `groupBy`
 * is not a column.
 */
export function showTable(table: Table): ShownTable {
  const keys = new Set(table.columns.map((column) => column.key));
  for (const row of table.rows)
    for (const key of Object.keys(row))
      if (!keys.has(key))
        throw new Error(`table: a row's members must be columns (${[...keys].join(', ')}), got '${key}'`);
  if (table.groupBy !== undefined && !keys.has(table.groupBy))
    throw new Error(`table: groupBy must be a column (${[...keys].join(', ')}), got '${table.groupBy}'`);
  const groupOf = (r: number): Cell | undefined =>
    table.groupBy === undefined ? undefined : table.rows[r]?.[table.groupBy];
  const begins = table.rows.map((_, r) => r > 0 && groupOf(r) !== groupOf(r - 1));
  let group = 0;
  const groups = begins.map((begin) => (begin ? ++group : group));
  const columns = table.columns.map((column) =>
    showColumn(
      column,
      table.rows.map((row) => row[column.key]),
      groups,
    ),
  );
  return {
    titles: table.columns.map((column) => column.title),
    right: table.columns.map(({ kind }) => kind === 'number' || kind === 'percent'),
    rows: table.rows.map((_, r) => columns.map((column) => column[r]!)),
    begins,
  };
}
