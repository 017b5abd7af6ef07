import { InputError } from '@ferry/data';
import { guess, listed, placeOf, type Role } from './columns.ts';
import { literal, type Engine } from './engine.ts';
import type { Input } from './provenance.ts';
import type { InteractionSettings, Rules } from './settings.ts';
import { longestLine } from './survey.ts';
import { openTable, shown } from './table.ts';
import type { Table, Workshop } from './workshop.ts';
import { idProblems, idsOf, idsProblems, numberOf, wrongAmong, timeOf, timeRule } from './values.ts';

/** What interactions were found to be. */
export interface ReadInteractions {
  /** The files. */
  inputs: Input[];
  /** Whether every interaction may have a time. */
  timed: boolean;
  /** Whether there are ratings. */
  rated: boolean;
  /** How the interactions of a user are ordered. */
  order: 'time' | 'file' | 'none';
  /** Whether the files hold a split. */
  parts: boolean;
  /** What was found out and is worth saying, a sentence each. */
  said: string[];
}

/** The parts of a split, by number. */
export const partNames = ['train', 'valid', 'test'] as const;

/** A file and its part of a ready-made split. */
interface Source {
  file: string;
  part: number | undefined;
}

/** The files of a description. */
function sourcesOf({ file, parts }: InteractionSettings): Source[] {
  if (parts)
    return partNames.flatMap((name, part) => {
      const own = parts[name];
      return own === undefined ? [] : [{ file: own, part }];
    });
  return [file ?? []].flat().map((name) => ({ file: name, part: undefined }));
}

/** Where the columns of a table are. */
interface Columns {
  user: number;
  item: number;
  rating: number | undefined;
  time: number | undefined;
}

/** Finds the columns of a table, those that are not named by their usual names. */
function columnsOf(table: Table, settings: InteractionSettings, said: string[]): Columns {
  const guessed: string[] = [];
  const find = (role: Role & ('user' | 'item' | 'rating' | 'time')): number | undefined => {
    const ref = settings[role];
    if (ref !== undefined) return placeOf(ref, role, table);
    const at = guess(role, table.names);
    if (at < 0) return undefined;
    guessed.push(`${role} ${JSON.stringify(table.names[at])}`);
    return at;
  };
  const must = (role: 'user' | 'item'): number => {
    const at = find(role);
    if (at !== undefined) return at;
    throw new InputError(
      table.file,
      undefined,
      table.names.length === 0
        ? `the file has no header that names its ${table.count} columns: say which is which by their places, such ` +
            'as --user 1 --item 2'
        : `no column has a usual name of the ${role}: name it with --${role}; there are ${listed(table.names)}`,
    );
  };
  const columns = { user: must('user'), item: must('item'), rating: find('rating'), time: find('time') };
  if (columns.user === columns.item)
    throw new InputError(
      table.file,
      undefined,
      `user and item must be different columns, got column ${columns.user + 1} for both`,
    );
  if (guessed.length > 0) said.push(`columns of ${table.file} by their names: ${guessed.join(', ')}`);
  return columns;
}

/** What a form of file must give: rows (n, u, i, r, t, p, wrong) and how many lines they stand for. */
interface Rows {
  /** SQL of the rows; numbered where `n` is needed. */
  select: (numbered: boolean) => string;
  /** Lines that must come out, damaged ones included; undefined where a line gives several rows. */
  lines: number | undefined;
}

/** Rows of a table with an interaction a line. */
function tableRows(
  table: Table,
  columns: Columns,
  { rules, place, list }: { rules: Rules; place: boolean; list: boolean },
): Rows {
  const { user, item, rating, time } = columns;
  const asked = [
    user,
    item,
    ...(rating === undefined ? [] : [rating]),
    ...(time === undefined ? [] : [time]),
  ];
  const r = rating === undefined ? undefined : 'c2';
  const t = time === undefined ? undefined : `c${rating === undefined ? 2 : 3}`;
  const rated = rules.minRating !== undefined || rules.aboveRating !== undefined;
  const blank = (cell: string): string => `${cell} IS NULL OR trim(${cell}) = ''`;
  const problems = [
    'WHEN wrong IS NOT NULL THEN wrong',
    idProblems('c0', 'user'),
    idProblems('c1', 'item'),
    list
      ? idsProblems('c1', 'items')
      : `WHEN left(c1, 1) = '[' AND json_valid(c1) THEN 'item must be one id, got the list ' || left(c1, 60) || ` +
        `': --form lists reads a list of items a row'`,
    ...(r === undefined
      ? []
      : [
          `WHEN ${rated ? '' : `NOT (${blank(r)}) AND `}r IS NULL THEN 'rating must be a number, got ' || ` +
            `COALESCE(${shown(r)}, 'nothing')`,
        ]),
    ...(t === undefined
      ? []
      : [`WHEN t IS NULL THEN '${timeRule}, got ' || COALESCE(${shown(t)}, 'nothing')`]),
  ];
  return {
    lines: list ? undefined : table.rows,
    select: (numbered) => {
      const checked =
        `SELECT n, c0, c1, r, t, CASE ${problems.join(' ')} END AS wrong FROM (SELECT *, ` +
        `${r === undefined ? 'NULL::DOUBLE' : numberOf(r)} AS r, ` +
        `${t === undefined ? 'NULL::DOUBLE' : timeOf(t)} AS t FROM (${table.select(asked, numbered || place)}))`;
      const ids = `CASE WHEN wrong IS NULL THEN ${idsOf('c1')} ELSE [NULL] END`;
      const items: string = list
        ? `SELECT n, c0, unnest(${ids}) AS c1, r, t, generate_subscripts(${ids}, 1) AS k, wrong FROM (${checked})`
        : checked;
      // The order of a list is that of its items, whatever orders the lists.
      const inList = place ? `n * ${longestLine} + k` : 'k';
      const p = list ? inList : place ? 'n' : 'NULL::BIGINT';
      return `SELECT n, trim(c0) AS u, trim(c1) AS i, r, t, ${p} AS p, wrong FROM (${items})`;
    },
  };
}

/** Rows of `user item item …` lines. */
function sequenceRows(table: Table, ordered: boolean): Rows {
  return {
    lines: undefined,
    select: (numbered) => {
      const split =
        "SELECT n, string_split_regex(trim(c0, E' \\t\\r'), '[ \\t]+') AS ids FROM " +
        `(${table.select([0], numbered)})`;
      const checked = `SELECT n, ids, CASE ${wrongAmong('ids', 'a line')} END AS wrong FROM (${split})`;
      const items = 'CASE WHEN wrong IS NULL THEN ids[2:] ELSE [NULL] END';
      return (
        `SELECT n, ids[1] AS u, unnest(${items}) AS i, NULL::DOUBLE AS r, NULL::DOUBLE AS t, ` +
        `${ordered ? `generate_subscripts(${items}, 1)` : 'NULL::BIGINT'} AS p, wrong FROM (${checked})`
      );
    },
  };
}

/**
 * Rows of MIND's behaviours: the history of a user's earliest impression, oldest first and without times, then what was
 * clicked.
 */
function mindRows(tables: readonly Table[]): Rows {
  return {
    lines: undefined,
    select: (numbered) => {
      const ids = (cell: string): string =>
        `list_filter(string_split_regex(trim(COALESCE(${cell}, '')), ' +'), x -> x <> '')`;
      const checked =
        `SELECT n, c1, c3, c4, t, CASE WHEN wrong IS NOT NULL THEN wrong ${idProblems('c1', 'user')} WHEN t IS ` +
        `NULL THEN '${timeRule}, got ' || COALESCE(${shown('c2')}, 'nothing') ` +
        (`WHEN NOT regexp_full_match(trim(COALESCE(c4, '')), '(\\S+-[01]( +|$))*') THEN 'impressions must be ids ` +
          `with -1 or -0 behind them, got ' || ${shown('c4')} ${wrongAmong(ids('c3'), 'the history')} END AS wrong `) +
        `FROM (SELECT *, ${timeOf('c2')} AS t FROM ` +
        `(${tables.map((table) => table.select([0, 1, 2, 3, 4], numbered)).join(' UNION ALL ')}))`;
      return (
        `WITH checked AS (${checked}), ` +
        (`first AS (SELECT c1, struct_extract(min({'t': t, 'h': COALESCE(c3, '')}), 'h') AS c3 FROM (SELECT c1, ` +
          't, c3 FROM checked WHERE wrong IS NULL) GROUP BY c1) ') +
        ('SELECT n, NULL AS u, NULL AS i, NULL::DOUBLE AS r, NULL::DOUBLE AS t, NULL::BIGINT AS p, wrong FROM ' +
          'checked WHERE wrong IS NOT NULL ') +
        (`UNION ALL SELECT NULL, trim(c1), unnest(${ids('c3')}), NULL, NULL, generate_subscripts(${ids('c3')}, ` +
          '1), NULL FROM first ') +
        (`UNION ALL SELECT n, trim(c1), regexp_replace(x, '-1$', ''), NULL, t, NULL, NULL FROM (SELECT n, c1, t, ` +
          `unnest(${ids('c4')}) AS x FROM checked WHERE wrong IS NULL) WHERE suffix(x, '-1')`)
      );
    },
  };
}

/** Puts rows into the table `raw`; gives how many there were. */
async function insertAll(rows: Rows, part: number | undefined, engine: Engine): Promise<number> {
  const before = Number((await engine.row('SELECT count(*) FROM raw'))[0]);
  await engine.run(
    `INSERT INTO raw SELECT u, i, r, t, p, ${part === undefined ? 'NULL' : part} FROM (${rows.select(false)}) ` +
      'WHERE wrong IS NULL',
  );
  return Number((await engine.row('SELECT count(*) FROM raw'))[0]) - before;
}

/** Puts the damaged rows of a file onto the list; gives how many there are. */
async function listDamaged(rows: Rows, file: string, { engine, skipped }: Workshop): Promise<number> {
  const damaged = await engine.rows(
    `SELECT n, wrong FROM (${rows.select(true)}) WHERE wrong IS NOT NULL ORDER BY n`,
  );
  for (const [line, wrong] of damaged) skipped.add({ file, line: Number(line), rule: String(wrong) });
  return damaged.length;
}

/** Puts the rows of a file into the table `raw`, and the damaged ones onto the list. */
async function insert(rows: Rows, { file, part }: Source, workshop: Workshop): Promise<void> {
  const added = await insertAll(rows, part, workshop.engine);
  if (added === rows.lines) return;
  const damaged = await listDamaged(rows, file, workshop);
  if (rows.lines !== undefined && damaged !== rows.lines - added)
    throw new InputError(
      file,
      undefined,
      `all ${rows.lines} rows must be read or listed as damaged, got ${added} and ${damaged}`,
    );
}

/** Says so where the first date could have its day or its month first. */
async function monthFirst(table: Table, time: number, { engine }: Workshop): Promise<string[]> {
  const [first] = await engine.rows(`SELECT c0 FROM (${table.select([time], false)}) LIMIT 1`);
  const date = String(first?.[0] ?? '').trim();
  return /^\d{1,2}\//.test(date) ? [`dates of ${table.file} have the month first: ${date}`] : [];
}

/** Refuses a second line of one user where a line is a user. */
async function refuseRepeated(table: Table, { engine, skipped }: Workshop): Promise<void> {
  const rows = await engine.rows(
    'SELECT n, u, first_value(n) OVER (PARTITION BY u ORDER BY n) AS earlier FROM (SELECT n, ' +
      `string_split_regex(trim(c0, E' \\t\\r'), '[ \\t]+')[1] AS u FROM (${table.select([0], true)})) QUALIFY n <> ` +
      'earlier ORDER BY n',
  );
  for (const [line, user, earlier] of rows)
    skipped.add({
      file: table.file,
      line: Number(line),
      rule: `each user has one line, got ${JSON.stringify(user)} again (first on line ${earlier})`,
    });
  if (rows.length > 0) {
    // One line of each such user cannot be told from the other: neither is kept.
    await engine.run(
      `DELETE FROM raw WHERE u IN (${rows.map(([, user]) => literal(String(user))).join(', ')})`,
    );
  }
}

/**
 * Reads the interactions of a description into the table `raw`: u, i (ids as text), r, t (rating and time or NULL), p
 * (place where the order is the file's) and part.
 *
 * @throws InputError naming file, line and value.
 */
export async function readInteractions(
  settings: InteractionSettings,
  rules: Rules,
  workshop: Workshop,
): Promise<ReadInteractions> {
  const { engine } = workshop;
  const { form } = settings;
  const sources = sourcesOf(settings);
  if (sources.length === 0) throw new InputError('interactions', undefined, 'a file is needed, got none');
  await engine.run('CREATE TABLE raw (u VARCHAR, i VARCHAR, r DOUBLE, t DOUBLE, p BIGINT, part TINYINT)');
  const found: ReadInteractions = {
    inputs: [],
    timed: form === 'mind',
    rated: false,
    order: 'none',
    parts: settings.parts !== undefined,
    said: [],
  };
  const whole = { ...settings, separator: '\u0001', quoting: false, header: false, columns: ['line'] };
  const tabs = {
    ...settings,
    separator: '\t',
    quoting: false,
    header: false,
    columns: ['impression', 'user', 'time', 'history', 'impressions'],
  };
  if (form === 'mind') {
    const tables: Table[] = [];
    for (const { file } of sources) tables.push(await openTable(file, tabs, workshop));
    found.inputs.push(...tables.map((table) => inputOf(table, 'MIND’s behaviours')));
    found.order = 'time';
    await insertAll(mindRows(tables), undefined, engine);
    for (const table of tables) await listDamaged(mindRows([table]), table.file, workshop);
    return found;
  }
  for (const source of sources) {
    if (form === 'sequences' || form === 'sets') {
      const table = await openTable(source.file, whole, workshop);
      found.inputs.push(
        inputOf(table, `a user and items a line, ${form === 'sets' ? 'in no order' : 'oldest first'}`),
      );
      await insert(sequenceRows(table, form === 'sequences'), source, workshop);
      await refuseRepeated(table, workshop);
      found.order = form === 'sequences' ? 'file' : 'none';
    } else {
      const { user, item, rating, time } = settings;
      const table = await openTable(source.file, { ...settings, refs: [user, item, rating, time] }, workshop);
      found.inputs.push(inputOf(table));
      found.said.push(...table.notes);
      const columns = columnsOf(table, settings, found.said);
      if ((rules.minRating !== undefined || rules.aboveRating !== undefined) && columns.rating === undefined)
        throw new InputError(
          table.file,
          undefined,
          'a rule about ratings needs a column of ratings: name it with --rating',
        );
      found.timed ||= columns.time !== undefined;
      found.rated ||= columns.rating !== undefined;
      found.order = rules.order ?? (columns.time === undefined ? (found.parts ? 'none' : 'file') : 'time');
      if (found.order === 'time' && columns.time === undefined)
        throw new InputError(
          table.file,
          undefined,
          'order by time needs a column of times: name it with --time',
        );
      if (columns.time !== undefined) found.said.push(...(await monthFirst(table, columns.time, workshop)));
      const place = found.order === 'file' || (found.order === 'time' && rules.ties === 'file');
      await insert(tableRows(table, columns, { rules, place, list: form === 'lists' }), source, workshop);
    }
  }
  return found;
}

/** What is kept of a file that was read. */
export function inputOf({ file, bytes, sha256, form, rows }: Table, says = form): Input {
  return { file, bytes, sha256, form: says, rows };
}
