import { InputError } from '@ferry/data';
import { didYouMean } from '@ferry/recipes';
import { guess, listed, placeOf, type Role } from './columns.ts';
import type { Input } from './provenance.ts';
import { inputOf } from './readInteractions.ts';
import type { ColumnRef, ItemSettings } from './settings.ts';
import { openTable } from './table.ts';
import type { Table, Workshop } from './workshop.ts';
import { idProblems, withoutValue } from './values.ts';

/** Columns of the table `details`, in the order in which {@link ReadItems.fields} names them. */
export type Field = 'title' | 'image' | 'category' | 'text';

/** What a file of items was found to be. */
export interface ReadItems {
  /** The files. */
  inputs: Input[];
  /** What each column `c1`, `c2` … of the table holds. */
  fields: Field[];
  /** Whether the columns are JSON. */
  json: boolean;
  /** What was found out, a sentence each. */
  said: string[];
}

/** Position of a column; JSON may have keys that its first lines lack. */
function openPlaceOf(ref: ColumnRef, role: Role, table: Table): number {
  if (!table.json || typeof ref === 'number' || table.names.includes(ref)) return placeOf(ref, role, table);
  return table.names.push(ref) - 1;
}

/** Says which columns are empty in all rows (perhaps their names are mistaken), and which hold words for no value. */
async function oddColumns(
  names: readonly string[],
  { engine }: Workshop,
  { file, names: known, json }: Table,
): Promise<string[]> {
  if (names.length === 0) return [];
  // A text of JSON has its quotation marks here; null without them is a value that is missing.
  const words = (column: string): string =>
    json ? `left(${column}, 1) = '"' AND ${withoutValue(`trim(${column}, '"')`)}` : withoutValue(column);
  const columns = names.map((_, at) => `c${at + 1}`);
  const found = await engine.row(
    `SELECT ${columns.map((column) => `count(${column})`).join(', ')}, ` +
      `${columns.map((column) => `count(*) FILTER (${words(column)})`).join(', ')} FROM details`,
  );
  const said = names.flatMap((name, at) => {
    const [filled, missing] = [Number(found[at]), Number(found[names.length + at])];
    if (filled === 0) {
      const others = known.filter((other) => other !== name);
      return [`no row of ${file} has ${JSON.stringify(name)}${didYouMean(name, others)}`];
    }
    if (missing === 0) return [];
    return [
      `${JSON.stringify(name)} is a word for a value that is missing (NULL, NaN, None) in ` +
        `${missing.toLocaleString('en-US')} of the items of ${file}: it is read as it stands`,
    ];
  });
  // A column may be both title and text.
  return [...new Set(said)];
}

/** Where the columns of a file of items are. */
function columnsOf(
  table: Table,
  settings: ItemSettings,
  said: string[],
): { id: number; fields: [Field, number][] } {
  const guessed: string[] = [];
  const find = (role: Role, ref: ColumnRef | undefined): number | undefined => {
    if (ref !== undefined)
      return role === 'id' ? placeOf(ref, 'the item id', table) : openPlaceOf(ref, role, table);
    const at = guess(role, table.names);
    if (at < 0) return undefined;
    guessed.push(`${role} ${JSON.stringify(table.names[at])}`);
    return at;
  };
  const id = find('id', settings.id);
  if (id === undefined)
    throw new InputError(
      table.file,
      undefined,
      table.names.length === 0
        ? `the file of items has no header that names its ${table.count} columns: say which is which by their ` +
            'places, such as --item-key 1 --title 2'
        : `no column has a usual name of an item id: name it with --item-key; there are ${listed(table.names)}`,
    );
  const title = find('title', settings.title);
  const category = find('category', settings.category);
  const image = find('image', settings.image);
  const texts =
    settings.text === undefined
      ? [title, category, find('text', undefined)]
      : [settings.text].flat().map((ref) => openPlaceOf(ref, 'text', table));
  const fields: [Field, number | undefined][] = [
    ['title', title],
    ['image', image],
    ['category', category],
    ...texts.map((at): [Field, number | undefined] => ['text', at]),
  ];
  if (guessed.length > 0) said.push(`columns of ${table.file} by their names: ${guessed.join(', ')}`);
  return { id, fields: fields.filter((field): field is [Field, number] => field[1] !== undefined) };
}

/** Makes one row of each item of the table `rows`, by the rule for different rows of one item. */
async function mergeRows(
  columns: string[],
  tables: readonly { table: Table; select: (numbered: boolean) => string }[],
  rule: ItemSettings['duplicates'],
  { engine }: Workshop,
): Promise<{ same: number; different: number }> {
  const all = columns.join(', ');
  const [rows, ids] = (await engine.row('SELECT count(*), count(DISTINCT id) FROM rows')).map(Number) as [
    number,
    number,
  ];
  if (rows === ids) {
    await engine.run('ALTER TABLE rows RENAME TO details');
    return { same: 0, different: 0 };
  }
  await engine.run('CREATE TABLE repeated AS SELECT id FROM rows GROUP BY id HAVING count(*) > 1');
  await engine.run(
    `CREATE TABLE versions AS SELECT id, ${all}, min(p) AS p FROM rows SEMI JOIN repeated USING (id) GROUP BY ALL`,
  );
  const [versions, repeated] = (await engine.row('SELECT count(*), count(DISTINCT id) FROM versions')).map(
    Number,
  ) as [number, number];
  const different = versions - repeated;
  if (different > 0 && rule === 'refuse') {
    const shown: string[] = [];
    for (const { table, select } of tables)
      for (const [id, lines] of await engine.rows(
        `SELECT id, list(n ORDER BY n) FROM (${select(true)}) WHERE wrong IS NULL AND id IN (SELECT id FROM ` +
          'versions GROUP BY id HAVING count(*) > 1) GROUP BY id ORDER BY min(n) LIMIT 5',
      ))
        shown.push(
          `${JSON.stringify(id)} on lines ` +
            `${(lines as unknown as { items: bigint[] }).items.slice(0, 5).join(', ')} of ${table.file}`,
        );
    throw new InputError(
      tables[0]!.table.file,
      undefined,
      `an item must have one row, got different ones for ${different.toLocaleString('en-US')}: ` +
        `${shown.join('; ')}; --item-duplicates complete takes the fullest, first the first`,
    );
  }
  const length = columns.map((column) => `COALESCE(length(${column}), 0)`).join(' + ');
  const order =
    rule === 'first' ? 'p' : `${length} DESC, ${columns.map((column) => `${column} NULLS LAST`).join(', ')}`;
  await engine.run(
    'CREATE TABLE details AS SELECT * FROM rows ANTI JOIN repeated USING (id) UNION ALL BY NAME SELECT * FROM ' +
      `versions QUALIFY row_number() OVER (PARTITION BY id ORDER BY ${columns.length === 0 ? 'id' : order}) = 1`,
  );
  await engine.run('DROP TABLE rows; DROP TABLE repeated; DROP TABLE versions');
  return { same: rows - ids - different, different };
}

/**
 * Reads the files of items into the table `details`: id, and the columns c1, c2 … that {@link ReadItems.fields} names;
 * one row an item.
 *
 * @throws InputError naming file, line and value.
 */
export async function readItems(settings: ItemSettings, workshop: Workshop): Promise<ReadItems> {
  const { engine, skipped } = workshop;
  const found: ReadItems = { inputs: [], fields: [], json: false, said: [] };
  const tables: { table: Table; select: (numbered: boolean) => string; fields: string[] }[] = [];
  for (const file of [settings.file].flat()) {
    const { id: key, title, text, image, category } = settings;
    const refs = [key, title, image, category, ...[text ?? []].flat()];
    const table = await openTable(file, { ...settings, refs }, workshop);
    const { id, fields } = columnsOf(table, settings, found.said);
    const names = fields.map(([field]) => field);
    if (tables.length === 0) {
      found.fields = names;
      found.json = table.json;
      const columns = names.map((_, at) => `c${at + 1} VARCHAR`);
      await engine.run(`CREATE TABLE rows (${['id VARCHAR', ...columns, 'p BIGINT'].join(', ')})`);
    } else if (names.join() !== found.fields.join() || table.json !== found.json)
      throw new InputError(
        file,
        undefined,
        `files of items must have the same columns, got ${names.join(', ')} beside ${found.fields.join(', ')}`,
      );
    const numberAll = settings.duplicates === 'first';
    const select = (numbered: boolean): string => {
      const asked = [id, ...fields.map(([, at]) => at)];
      const key = table.json ? `json_extract_string(c0, '$')` : 'c0';
      const inner = `SELECT * EXCLUDE (c0), ${key} AS c0 FROM (${table.selectJson(asked, numbered || numberAll)})`;
      const columns = fields.map((_, at) => `c${at + 1}`);
      return (
        `SELECT n, trim(c0) AS id, ${[...columns, ''].join(', ')} CASE WHEN wrong IS NOT NULL THEN wrong ` +
        `${idProblems('c0', 'the item id')} END AS wrong FROM (${inner})`
      );
    };
    const before = Number((await engine.row('SELECT count(*) FROM rows'))[0]);
    await engine.run(
      `INSERT INTO rows SELECT ${['id', ...fields.map((_, at) => `c${at + 1}`), 'n'].join(', ')} FROM (${select(false)}) ` +
        'WHERE wrong IS NULL',
    );
    const added = Number((await engine.row('SELECT count(*) FROM rows'))[0]) - before;
    if (added !== table.rows)
      for (const [line, wrong] of await engine.rows(
        `SELECT n, wrong FROM (${select(true)}) WHERE wrong IS NOT NULL ORDER BY n`,
      ))
        skipped.add({ file, line: Number(line), rule: String(wrong) });
    found.inputs.push(inputOf(table));
    found.said.push(...table.notes);
    tables.push({ table, select, fields: fields.map(([, at]) => table.names[at] ?? String(at + 1)) });
  }
  skipped.settle();
  const columns = found.fields.map((_, at) => `c${at + 1}`);
  const { same, different } = await mergeRows(columns, tables, settings.duplicates, workshop);
  const [{ table: first, fields: names }] = tables as [(typeof tables)[0], ...typeof tables];
  found.said.push(...(await oddColumns(names, workshop, first)));
  if (same > 0)
    found.said.push(`${same.toLocaleString('en-US')} rows of items are equal to another and were merged`);
  if (different > 0)
    found.said.push(
      `${different.toLocaleString('en-US')} rows of items differ from another of the same item: the ` +
        `${settings.duplicates === 'first' ? 'first in the file' : 'fullest'} was taken`,
    );
  return found;
}
