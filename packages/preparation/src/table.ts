import { join } from 'node:path';
import { InputError } from '@ferry/data';
import { usualCount } from './columns.ts';
import { firstRecord, writeCsvRecords } from './csvRecords.ts';
import { literal } from './engine.ts';
import { copyLines } from './lineCopy.ts';
import { parsePython } from './pythonDict.ts';
import type { Layout } from './settings.ts';
import { firstBytes, reportBroken, survey, type Survey } from './survey.ts';
import { parquetTable } from './parquet.ts';
import type { Table, Workshop } from './workshop.ts';

/** A JSON path: of a key as the lines have it (`user.id`, `0`), else of what lies deeper (`images.0.large`). */
function jsonPath(name: string, keys: ReadonlySet<string>): string {
  const key = (part: string): string => `."${part.replaceAll('"', '\\"')}"`;
  if (keys.has(name)) return `$${key(name)}`;
  const parts = name.split('.');
  return `$${parts.map((part) => (/^\d+$/.test(part) ? `[${part}]` : key(part))).join('')}`;
}

/** A text file whose lines DuckDB reads. */
type LineSource = Pick<Survey, 'file' | 'longest' | 'carriageReturns' | 'gzip'>;

/** The statement that gives the lines of a text file, `raw`, and their numbers, `n`. */
function lines(
  { file, longest, carriageReturns, gzip }: LineSource,
  skip: number,
  numbered: boolean,
): string {
  const end = carriageReturns > 0 ? '\\r\\n' : '\\n';
  const room = Math.max(longest + 16, 2_000_000);
  const read =
    `read_csv(${literal(file)}, columns={'raw': 'VARCHAR'}, auto_detect=false, header=false, delim='\\0', quote='', ` +
    `escape='', new_line='${end}', skip=${skip}, max_line_size=${room}, ` +
    // By what it is: DuckDB would go by its name.
    `compression='${gzip ? 'gzip' : 'none'}')`;
  const number = numbered ? `row_number() OVER () + ${skip}` : 'NULL::BIGINT';
  // Blank lines are none.
  return `SELECT * FROM (SELECT ${number} AS n, raw FROM ${read}) WHERE trim(raw, E' \\t\\r') <> ''`;
}

/** A value cut for a message, in SQL. */
export function shown(value: string): string {
  return `'"' || left(${value}, 60) || '"'`;
}

/** What separates the columns of a line: the candidate that occurs most, between quotation marks only if nowhere else. */
function separatorOf(line: string): string {
  const candidates = ['\t', '::', ',', ';', '|'];
  for (const text of [line.replaceAll(/"[^"]*"/g, ''), line]) {
    const counts = candidates.map((candidate) => text.split(candidate).length - 1);
    const most = Math.max(...counts);
    if (most > 0) return candidates[counts.indexOf(most)]!;
  }
  return '\t';
}

/** Names of separators. */
const separatorNames: Readonly<Record<string, string>> = {
  '\t': 'tabs',
  ',': 'commas',
  ';': 'semicolons',
  '|': 'bars',
  '::': 'double colons',
  ' ': 'blanks',
};

/** Keys of the first JSON lines, in the order in which they appear. */
function keysOf(head: string, parse: (text: string) => unknown): string[] {
  const keys = new Set<string>();
  for (const line of head.split('\n').slice(0, 200)) {
    try {
      const value = parse(line.trim());
      if (typeof value === 'object' && value !== null) for (const key of Object.keys(value)) keys.add(key);
    } catch {
      // A damaged line, or the cut end of the head: listed when it is read.
    }
  }
  return [...keys];
}

/** A line of a JSON array that holds an object a line. */
function arrayLine(line: string): string {
  return line
    .trim()
    .replace(/^\[(?=\s*(?:\{|$))/, '')
    .replace(/(?<=\}|^)\s*\]$/, '')
    .replace(/(?<=\}|^)\s*,$/, '');
}

/** A table of JSON lines. */
function jsonTable(found: Survey, source: LineSource, form: string, names: string[]): Table {
  const keys = new Set(names);
  const places = (columns: readonly number[]): string =>
    `[${columns.map((column) => literal(jsonPath(names[column]!, keys))).join(', ')}]`;
  const select =
    (extract: string) =>
    (columns: readonly number[], numbered: boolean): string =>
      `SELECT n, CASE WHEN cells IS NULL THEN 'a line must be one JSON object, got ' || ${shown('raw')} END AS wrong, ` +
      (`${columns.map((_, at) => `cells[${at + 1}] AS c${at}`).join(', ')} FROM (SELECT n, raw, TRY(${extract}(raw, ` +
        `${places(columns)})) AS cells FROM (${lines(source, 0, numbered)}))`);
  return {
    file: found.file,
    form,
    bytes: found.bytes,
    sha256: found.sha256,
    names,
    count: names.length,
    select: select('json_extract_string'),
    selectJson: select('json_extract'),
    rows: found.lines - found.blank - found.broken.size,
    json: true,
    notes: [],
  };
}

let copies = 0;

/** A JSON lines file, with one object a line of a JSON array or a Python mapping made into one. */
async function openJson(found: Survey, workshop: Workshop, first: string): Promise<Table> {
  const head = found.head.toString('utf8');
  const python = first.startsWith("{'") || first.startsWith("{u'");
  const array = first.startsWith('[');
  if (array && found.lines === found.blank + 1)
    throw new InputError(
      found.file,
      1,
      'JSON must have one object a line, got an array in a single line: write it as JSON lines (jq -c ".[]")',
    );
  const text = (line: string): unknown =>
    python ? parsePython(line) : (JSON.parse(array ? arrayLine(line) : line) as unknown);
  const names = keysOf(head.replace(/^\uFEFF/, ''), text);
  if (names.length === 0)
    throw new InputError(
      found.file,
      1,
      `a line must be one JSON object with keys, got ${JSON.stringify(first.slice(0, 60))}`,
    );
  const kind = python ? 'Python mappings' : array ? 'a JSON array, an object a line' : 'JSON lines';
  const form = `${kind}${found.gzip ? ', gzip' : ''}`;
  if (!python && !array && !needsCopy(found)) return jsonTable(found, found, form, names);
  const file = join(workshop.directory, `copy-${copies++}`);
  const seen = { blank: 0, end: false };
  await copyLines(found, file, (line, number) => {
    seen.end ||= /\]\s*$/.test(line) && arrayLine(line) !== line;
    const own = array ? arrayLine(line) : line;
    if (own.trim() === '') {
      if (line.trim() !== '') seen.blank++;
      return '';
    }
    if (!python) return own;
    try {
      return JSON.stringify(parsePython(own));
    } catch (error) {
      workshop.skipped.add({
        file: found.file,
        line: number,
        rule: `a line must be a Python mapping, ${(error as Error).message}`,
      });
      seen.blank++;
      return '';
    }
  });
  const source = { file, longest: 2 * found.longest + 64, carriageReturns: 0, gzip: false };
  const table = jsonTable(found, source, form, names);
  const notes =
    array && !seen.end
      ? [`${found.file}: the JSON array has no end; the file may be cut off between two objects`]
      : [];
  return { ...table, rows: table.rows - seen.blank, notes };
}

/** Whether DuckDB cannot read a file's lines as they are. */
function needsCopy({
  encoding,
  mark,
  carriageReturns,
  lines: all,
  oddReturns,
  broken,
  gzip,
}: Survey): boolean {
  const mixed = carriageReturns > 0 && carriageReturns < all - 1;
  return (
    encoding !== 'utf-8' || mark || mixed || oddReturns || broken.size > 0 || (gzip && carriageReturns > 0)
  );
}

/** A delimited file. */
async function openDelimited(found: Survey, workshop: Workshop, layout: Layout): Promise<Table> {
  const { file } = found;
  const head = found.head.toString(found.encoding === 'latin1' ? 'latin1' : 'utf8').replace(/^\uFEFF/, '');
  const first = /^[^\S\n]*(?:\n[^\S\n]*)*([^\n]*?)\r?(?:\n|$)/.exec(head)?.[1] ?? '';
  const ending = /\.(?:tsv|tab)(?:\.gz)?$/i.test(file);
  const separator = layout.separator ?? (layout.format === 'tsv' || ending ? '\t' : separatorOf(first));
  const quoting = (layout.quoting ?? separator !== '\t') && found.quotes;
  const cells = (
    quoting ? firstRecord(head.split('\n').slice(headerLine(head) - 1), separator) : first.split(separator)
  ).map((cell) => cell.trim());
  const named =
    layout.header ??
    (layout.columns === undefined &&
      (looksLikeHeader(cells) ||
        (layout.refs ?? []).some(
          (ref) => typeof ref === 'string' && !/^\d+$/.test(ref) && cells.includes(ref),
        )));
  const names = named ? cells : (layout.columns ?? []);
  const repeated = names.find((name, at) => names.indexOf(name) < at);
  if (repeated !== undefined)
    throw new InputError(file, 1, `columns must be named once, got ${JSON.stringify(repeated)} twice`);
  const count = named ? cells.length : Math.max(cells.length, names.length);
  const words = separatorNames[separator] ?? JSON.stringify(separator);
  const form =
    `${words} between columns, ${named ? 'a header' : 'no header'}` +
    `${quoting ? ', quotation marks' : ''}${found.gzip ? ', gzip' : ''}`;
  const wrong = (have: string, extra: string): string =>
    `CASE WHEN ${have} < ${count} OR (${extra}) THEN 'a line must have ${count} cells as ` +
    `${named ? 'the header' : 'the first line'}, got ' || ${have} END`;
  const base = { file, form, bytes: found.bytes, sha256: found.sha256, names, count, json: false, notes: [] };
  const blankLines = found.blank + found.broken.size + (named ? 1 : 0);
  if (quoting) {
    const copy = join(workshop.directory, `copy-${copies++}`);
    const records = await writeCsvRecords(found, separator, copy, workshop.skipped);
    const source = { file: copy, longest: 6 * found.longest + 64, carriageReturns: 0, gzip: false };
    const select = (columns: readonly number[]): string => {
      const paths = columns.map((column) => `'$[${column + 1}]'`).join(', ');
      return (
        `SELECT cells[1]::BIGINT AS n, ${wrong('have', `have > ${count}`)} AS wrong, ` +
        `${columns.map((_, at) => `cells[${at + 2}] AS c${at}`).join(', ')} ` +
        ('FROM (SELECT json_array_length(raw) - 1 AS have, ' +
          `json_extract_string(raw, ['$[0]'${paths === '' ? '' : `, ${paths}`}]) AS cells FROM ` +
          `(${lines(source, named ? 1 : 0, false)}))`)
      );
    };
    return { ...base, select, selectJson: select, rows: records - (named ? 1 : 0) };
  }
  let source: LineSource = found;
  if (needsCopy(found)) {
    source = {
      file: join(workshop.directory, `copy-${copies++}`),
      longest: 2 * found.longest,
      carriageReturns: 0,
      gzip: false,
    };
    await copyLines(found, source.file);
  }
  // Some programs end every line with a separator: empty cells behind the last column are none.
  const extra = `len(cells) > ${count} AND trim(array_to_string(cells[${count + 1}:], '')) <> ''`;
  const skip = named ? (first === '' ? 0 : headerLine(head)) : 0;
  const select = (columns: readonly number[], numbered: boolean): string =>
    `SELECT n, ${wrong('len(cells)', extra)} AS wrong, ` +
    `${columns.map((column, at) => `cells[${column + 1}] AS c${at}`).join(', ')} ` +
    `FROM (SELECT n, string_split(raw, ${literal(separator)}) AS cells FROM (${lines(source, skip, numbered)}))`;
  return { ...base, select, selectJson: select, rows: found.lines - blankLines };
}

/** Number of the first line that is not blank. */
function headerLine(head: string): number {
  return head.split('\n').findIndex((line) => line.trim() !== '') + 1;
}

/** Whether a first line names columns: at least two usual names, or types as in RecBole's headers. */
function looksLikeHeader(cells: readonly string[]): boolean {
  return (
    usualCount(cells) >= Math.min(2, cells.length) || cells.every((cell) => /:(?:token|float)/.test(cell))
  );
}

/**
 * Opens a file of rows of any form: CSV, TSV, JSON lines (also a JSON array with an object a line, or Python mappings),
 * Parquet; gzip or not. It is read once from end to end, so that a file that is cut off, another kind or not UTF-8 is
 * found before anything is made.
 *
 * @throws InputError naming what is the matter with the file.
 */
export async function openTable(file: string, layout: Layout, workshop: Workshop): Promise<Table> {
  const start = await firstBytes(file, 4096);
  const parquet = start.subarray(0, 4).toString('latin1') === 'PAR1';
  if (parquet || layout.format === 'parquet') return parquetTable(file, workshop);
  const found = await survey(
    file,
    (done, total) => workshop.progress?.(`read ${file}`, done, total),
    layout.encoding,
  );
  reportBroken(found, workshop.skipped);
  const first = found.head
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart();
  const json = layout.format === 'jsonl' || (layout.format === 'auto' && /^(?:\{|\[\s*(?:\{|$))/.test(first));
  return json ? openJson(found, workshop, first.split('\n', 1)[0]!) : openDelimited(found, workshop, layout);
}
