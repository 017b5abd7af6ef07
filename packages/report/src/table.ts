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
  readonly kind?: 'text' | 'number' | 'percent' | undefined;
  /** Decimals of numbers. Default 0 for whole numbers throughout the column, else 4 for numbers and 1 for percents. */
  readonly decimals?: number | undefined;
  /** Which value of the column is set in bold: the largest or the smallest. Default none. */
  readonly best?: 'max' | 'min' | undefined;
}

/** Rows under typed columns. */
export interface Table {
  /** The columns, left to right. */
  readonly columns: readonly Column[];
  /** The rows, top to bottom; a member that is absent is an empty cell. */
  readonly rows: readonly Readonly<Record<string, Cell | undefined>>[];
}

/** A cell ready to be set. */
export interface ShownCell {
  /** Its text. */
  readonly text: string;
  /** Its deviation, to be set after a plus-minus sign; absent for plain cells. */
  readonly deviation?: string | undefined;
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

function showColumn(column: Column, cells: readonly (Cell | undefined)[]): ShownCell[] {
  const decimals = decimalsOf(column, cells);
  const scale = column.kind === 'percent' ? 100 : 1;
  const show = (value: number): string => formatNumber(value * scale, decimals);
  const values = cells.map(valueOf).filter((v): v is number => v !== undefined && Number.isFinite(v));
  const extreme = column.best === 'min' ? Math.min(...values) : Math.max(...values);
  // Values that read the same are all best: bold must not tell apart what the digits do not.
  const best = column.best && values.length > 1 ? show(extreme) : undefined;
  return cells.map((cell) => {
    if (cell === null || cell === undefined) return { text: '', best: false };
    if (typeof cell === 'string') return { text: cell, best: false };
    const value = valueOf(cell)!;
    const text = show(value);
    const unit = column.kind === 'percent' && Number.isFinite(value) ? '%' : '';
    if (typeof cell === 'number' || cell.count < 2) return { text: text + unit, best: text === best };
    return { text, deviation: show(cell.deviation) + unit, best: text === best };
  });
}

/**
 * Formats every cell of a table.
 *
 * @throws Error if a row has a member that no column shows, so that no result is lost by a misspelt key.
 */
export function showTable(table: Table): ShownTable {
  const keys = new Set(table.columns.map((column) => column.key));
  for (const row of table.rows)
    for (const key of Object.keys(row))
      if (!keys.has(key))
        throw new Error(`table: a row's members must be columns (${[...keys].join(', ')}), got '${key}'`);
  const columns = table.columns.map((column) =>
    showColumn(
      column,
      table.rows.map((row) => row[column.key]),
    ),
  );
  return {
    titles: table.columns.map((column) => column.title),
    right: table.columns.map(({ kind }) => kind === 'number' || kind === 'percent'),
    rows: table.rows.map((_, r) => columns.map((column) => column[r]!)),
  };
}
