import { eachTsvLine, InputError, quoted, type Cells } from '@ferry/data';
import { QuotedLines } from './quotedLines.ts';

/** What a line of a file of news says; '' where it says nothing. */
export interface NewsLine {
  /** The id. */
  id: string;
  /** The title. */
  title: string;
  /** The abstract. */
  abstract: string;
  /** The category. */
  category: string;
  /** The subcategory. */
  subcategory: string;
  /** JSON of the title's entities. */
  titleEntities: string;
  /** JSON of the abstract's entities. */
  abstractEntities: string;
}

/** MIND's columns, in their order; none is read of the address. */
const mindColumns = [
  'id',
  'category',
  'subcategory',
  'title',
  'abstract',
  'url',
  'titleEntities',
  'abstractEntities',
] as const;

/** What a header may call each column. */
const headerNames: Readonly<Record<string, keyof NewsLine>> = {
  nid: 'id',
  news_id: 'id',
  newsid: 'id',
  id: 'id',
  title: 'title',
  abstract: 'abstract',
  category: 'category',
  subcategory: 'subcategory',
  sub_category: 'subcategory',
  title_entities: 'titleEntities',
  abstract_entities: 'abstractEntities',
};

/** Where the columns of a file are. */
interface Layout {
  /** How many columns there are. */
  count: number;
  /** Their names, in their order. */
  names: readonly string[];
  /** Where those are that are read. */
  at: Partial<Record<keyof NewsLine, number>>;
}

const mindLayout: Layout = {
  count: mindColumns.length,
  names: mindColumns,
  at: Object.fromEntries(mindColumns.map((name, column) => [name, column])),
};

/** The layout that a first line names, undefined if it is no header. */
function headerLayout(cells: Cells, file: string, line: number): Layout | undefined {
  const names = cells.texts().map((name) => name.trim().toLowerCase());
  if (headerNames[names[0]!] !== 'id') return undefined;
  const at: Layout['at'] = {};
  for (const [column, name] of names.entries()) {
    const key = headerNames[name];
    if (key === undefined) continue;
    if (at[key] !== undefined)
      throw new InputError(file, line, `columns must be named once, got ${quoted(name)} twice`);
    at[key] = column;
  }
  if (at.title === undefined)
    throw new InputError(file, line, `the header must name a column title, got ${names.join(', ')}`);
  return { count: names.length, names, at };
}

/** Whether a cell with a quotation mark is one that a writer of CSV has quoted. */
function isQuoted(cell: string): boolean {
  return /^"(?:[^"]|"")*"$/.test(cell);
}

/**
 * Visits the lines of a file of news: MIND's eight columns without a header, or columns that a header names. Quotation
 * marks are characters like any other, as MIND has them; only in a file with a header all of whose cells with quotation
 * marks are quoted as CSV has it (pandas, xMIND) do they come off.
 *
 * @param options - `quotes`: what quotation marks are; `csv` is a defect of published code, to be measured.
 * @param visit - Called with each line and its number; with those of a file with a header when it has been read to its end.
 * @throws InputError naming file and line of what breaks the form.
 */
export async function eachNews(
  file: string,
  visit: (news: NewsLine, line: number) => void,
  { quotes = 'marks' }: { quotes?: Quotes } = {},
): Promise<void> {
  if (quotes === 'csv') {
    await eachQuotedNews(file, visit);
    return;
  }
  let layout: Layout | undefined;
  const held: [NewsLine, number][] = [];
  const csv = { marks: false, every: true };
  await eachTsvLine(file, (cells, line) => {
    if (!layout) {
      const header = headerLayout(cells, file, line);
      layout = header ?? mindLayout;
      if (header) return;
    }
    const named = layout !== mindLayout;
    const news = newsOf(cells, layout, { file, line });
    if (!named) {
      visit(news, line);
      return;
    }
    held.push([news, line]);
    for (const text of Object.values(news) as string[])
      if (text.includes('"')) {
        csv.marks = true;
        csv.every &&= isQuoted(text);
      }
  });
  for (const [news, line] of held) visit(csv.marks && csv.every ? unquoted(news) : news, line);
}

/** What quotation marks are: characters like any other, or, as a defect, those of CSV. */
export type Quotes = 'marks' | 'csv';

/**
 * The lines of a file in MIND's form as a reader of CSV takes them; what it makes of entities is left out where it is
 * no JSON.
 */
async function eachQuotedNews(file: string, visit: (news: NewsLine, line: number) => void): Promise<void> {
  const lines = new QuotedLines();
  const whole = (cell = ''): string => {
    try {
      return Array.isArray(JSON.parse(cell)) ? cell : '';
    } catch {
      return '';
    }
  };
  const take = (cells: readonly string[] | undefined, line: number): void => {
    if (!cells) return;
    const [id = '', category = '', subcategory = '', title = '', abstract = '', , own, more] = cells;
    if (id.trim() === '' || /\s/.test(id)) return;
    visit(
      {
        id,
        category,
        subcategory,
        title,
        abstract,
        titleEntities: whole(own),
        abstractEntities: whole(more),
      },
      line,
    );
  };
  let last = 0;
  await eachTsvLine(file, (cells, line) => {
    last = line;
    take(lines.push(cells.texts().join('\t')), line);
  });
  take(lines.rest(), last);
}

/** What a line says. */
function newsOf(
  cells: Cells,
  { count, names, at }: Layout,
  { file, line }: { file: string; line: number },
): NewsLine {
  cells.trim(count);
  if (cells.count !== count)
    throw new InputError(
      file,
      line,
      `a line must have ${count} tab-separated cells (${names.join(', ')}), got ${cells.count}`,
    );
  const text = (column: number | undefined): string => (column === undefined ? '' : cells.text(column));
  const id = text(at.id).trim();
  if (id === '' || /\s/.test(id))
    throw new InputError(file, line, `a news id must be one word, got ${quoted(id)}`);
  return {
    id,
    title: text(at.title),
    abstract: text(at.abstract),
    category: text(at.category).trim(),
    subcategory: text(at.subcategory).trim(),
    titleEntities: text(at.titleEntities),
    abstractEntities: text(at.abstractEntities),
  };
}

/** A line without the quotation marks of CSV. */
function unquoted(news: NewsLine): NewsLine {
  const bare = { ...news };
  for (const key of Object.keys(bare) as (keyof NewsLine)[])
    if (bare[key].startsWith('"')) bare[key] = bare[key].slice(1, -1).replaceAll('""', '"');
  return bare;
}
