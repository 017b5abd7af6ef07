import type { Engine } from './engine.ts';
import type { Skipped } from './skipped.ts';

/** A file of rows, ready to be read by SQL. */
export interface Table {
  /** The file as the user named it. */
  file: string;
  /** What it was found to be, in words. */
  form: string;
  /** Its size. */
  bytes: number;
  /** SHA-256 of its bytes. */
  sha256: string;
  /** Names of its columns; empty without a header. */
  names: string[];
  /** How many columns there are; unbounded in JSON. */
  count: number;
  /**
   * SQL of its rows: columns `n` (the line; NULL unless asked for), `wrong` (what is the matter with the line as a
   * whole, or NULL) and `c0`, `c1`, … for the columns asked for, all of them text.
   */
  select: (columns: readonly number[], numbered: boolean) => string;
  /** The same with values of JSON as JSON. */
  selectJson: (columns: readonly number[], numbered: boolean) => string;
  /** Rows that `select` must give, where that is known beforehand. */
  rows: number;
  /** Whether values of `selectJson` are JSON. */
  json: boolean;
  /** What is odd about the file, a sentence each. */
  notes: string[];
}

/** A place for copies of files. */
export interface Workshop {
  /** DuckDB. */
  engine: Engine;
  /** A directory for copies; goes when all is done. */
  directory: string;
  /** Where damaged rows go. */
  skipped: Skipped;
  /** Told of bytes read. */
  progress?: (what: string, done: number, total: number) => void;
}
