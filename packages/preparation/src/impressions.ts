/**
 * Impressions for models of news, in the form of MIND: what was shown at once and what of it was clicked, behind what the
 * user had clicked before. They are as the files have them; the rules are for the interactions alone.
 */
import { join } from 'node:path';
import { InputError, makeDirectory } from '@ferry/data';
import { UserError } from '@ferry/recipes';
import { placeOf } from './columns.ts';
import type { Value } from './engine.ts';
import { writeHashed, type Output } from './outputFile.ts';
import type { Input } from './provenance.ts';
import type { ReadItems } from './readItems.ts';
import { inputOf } from './readInteractions.ts';
import { blanks, oneWord, sampledLines } from './sampledImpressions.ts';
import type { ImpressionSettings, Settings } from './settings.ts';
import { openTable } from './table.ts';
import { cleanText, joinParts, textOf } from './texts.ts';
import type { Workshop } from './workshop.ts';
import { idProblems, idsOf, idsProblems, timeOf, timeRule } from './values.ts';
import { valueOf } from './writeDomain.ts';

/** What impressions were written. */
interface WrittenImpressions {
  /** Files that were read. */
  inputs: Input[];
  /** Files that were written. */
  outputs: Output[];
  /** What was found, a sentence each. */
  said: string[];
}

/** What a preparation knows when it writes impressions. */
export interface PreparedItems {
  /** The items, if there is a file of them. */
  details: ReadItems | undefined;
  /** Whether all interactions have a time. */
  timed: boolean;
  /** Ids of the domain's items as JSON, by number. */
  ids: readonly (string | undefined)[];
}

type LogSettings = Extract<ImpressionSettings, { form: 'log' }>;

/** A count in words. */
const count = (of: Value | undefined): string => Number(of).toLocaleString('en-US');

/** A cell of a table in MIND's form. */
const plain = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

/** Lines of news.tsv: all items that have a row, with a title or without. */
async function* newsLines(
  { items, text: { clean, join } }: Settings,
  { fields, json }: Pick<ReadItems, 'fields' | 'json'>,
  { engine }: Workshop,
): AsyncGenerator<string> {
  const named = [items?.text ?? []].flat();
  let at = -1;
  /** Columns of the text but the title, which has a cell of its own. */
  const abstract = fields.map((field) => field === 'text' && named[++at] !== items?.title);
  const columns = fields.map((_, column) => `c${column + 1}`);
  for await (const block of engine.stream(`SELECT ${['id', ...columns].join(', ')} FROM details ORDER BY id`))
    for (let row = 0; row < block[0]!.length; row++) {
      const cell = (column: number): string =>
        cleanText(textOf(valueOf(block[column + 1]![row], json)), clean === 'none' ? 'none' : 'plain');
      const first = (wanted: 'title' | 'category'): string => {
        const column = fields.indexOf(wanted);
        return column < 0 ? '' : cell(column);
      };
      const parts = fields.flatMap((_, column) => (abstract[column] ? [cell(column)] : []));
      const cells = [first('category'), '', first('title'), joinParts(parts, 'plain', join)];
      yield [oneWord(String(block[0]![row])), ...cells.map(plain), '', '[]', '[]'].join('\t');
    }
}

/** SQL of {@link oneWord}. */
const wordOf = (id: string): string => `translate(${id}, '${blanks}', '${'_'.repeat(blanks.length)}')`;

/** SQL of the ids that a cell lists, each as one word; none where it is empty. */
const listOf = (cell: string): string =>
  `COALESCE(list_transform(${idsOf(cell)}, x -> ${wordOf('trim(x)')}), [])`;

/**
 * Makes a table of the rows that can be used, and lists the others.
 *
 * @param select - SQL of the rows, with `n` and `wrong`; numbered or not.
 */
async function keepSound(
  { file, table, columns }: { file: string; table: string; columns: string },
  select: (numbered: boolean) => string,
  { engine, skipped }: Workshop,
): Promise<void> {
  await engine.run(
    `CREATE OR REPLACE TABLE ${table} AS SELECT ${columns} FROM (${select(false)}) WHERE wrong IS NULL`,
  );
  const damaged = `SELECT n, wrong FROM (${select(true)}) WHERE wrong IS NOT NULL ORDER BY n`;
  for (const [line, wrong] of await engine.rows(damaged))
    skipped.add({ file, line: Number(line), rule: String(wrong) });
  skipped.settle();
}

/** Reads a file of impressions into the table `impressions`; gives whether it says what was clicked. */
async function readLog(
  file: string,
  settings: LogSettings,
  workshop: Workshop,
  inputs: Input[],
): Promise<boolean> {
  const { id, user, time, shown, clicked } = settings;
  const table = await openTable(file, { ...settings, refs: [id, user, time, shown, clicked] }, workshop);
  inputs.push(inputOf(table));
  const labelled = typeof clicked === 'number' || table.names.includes(clicked);
  const asked = [
    placeOf(user, 'the user', table),
    placeOf(time, 'the time', table),
    placeOf(shown, 'what was shown', table),
    ...(labelled ? [placeOf(clicked, 'what was clicked', table)] : []),
    ...(id === undefined ? [] : [placeOf(id, 'the impression', table)]),
  ];
  const number = id === undefined ? 'n::VARCHAR' : `trim(c${asked.length - 1})`;
  await keepSound(
    { file, table: 'impressions', columns: 'id, u, t, shown, clicked' },
    (numbered) =>
      `SELECT n, ${wordOf('trim(c0)')} AS u, t, shown, clicked, id, CASE WHEN wrong IS NOT NULL THEN wrong ` +
      `${idProblems('c0', 'user')} WHEN t IS NULL THEN '${timeRule}, got ' || COALESCE(c1, ` +
      `'nothing') WHEN NOT regexp_full_match(COALESCE(id, ''), '\\d{1,15}') THEN 'an impression must have a whole ` +
      `number, got ' || COALESCE(id, 'nothing') ${idsProblems('c2', 'what was shown')} ` +
      `${labelled ? idsProblems('c3', 'what was clicked') : ''} WHEN len(shown) + COALESCE(len(clicked), 0) = 0 ` +
      `THEN 'an impression must show an item, got none' END AS wrong FROM (SELECT *, ${timeOf('c1')} AS t, ` +
      `${listOf('c2')} AS shown, ${labelled ? listOf('c3') : 'NULL::VARCHAR[]'} AS clicked, ${number} AS id FROM ` +
      `(${table.select(asked, numbered || id === undefined)}))`,
    workshop,
  );
  return labelled;
}

/** Reads a file of histories into the table `histories`, a row a user. */
async function readHistories(
  file: string | undefined,
  { user, history, newest, ...layout }: LogSettings,
  workshop: Workshop,
  inputs: Input[],
): Promise<void> {
  const { engine } = workshop;
  await engine.run('CREATE OR REPLACE TABLE histories (u VARCHAR, clicks VARCHAR[])');
  if (file === undefined) return;
  const table = await openTable(file, { ...layout, refs: [user, history] }, workshop);
  inputs.push(inputOf(table));
  const asked = [placeOf(user, 'the user', table), placeOf(history!, 'the history', table)];
  await keepSound(
    { file, table: 'histories', columns: 'u, clicks' },
    (numbered) =>
      `SELECT n, ${wordOf('trim(c0)')} AS u, clicks[-${newest}:] AS clicks, CASE WHEN wrong IS NOT NULL THEN wrong ` +
      `${idProblems('c0', 'user')} ${idsProblems('c1', 'the history')} END AS wrong FROM ` +
      `(SELECT *, ${listOf('c1')} AS clicks FROM (${table.select(asked, numbered)}))`,
    workshop,
  );
  const [rows, users] = await engine.row('SELECT count(*), count(DISTINCT u) FROM histories');
  if (rows !== users)
    throw new InputError(
      file,
      undefined,
      `a user must have one row of histories, got ${Number(rows)} for ${Number(users)} users`,
    );
}

/** Lines of behaviors.tsv from the tables `impressions` and `histories`, in the order of time. */
async function* behaviourLines(labelled: boolean, { engine }: Workshop): AsyncGenerator<string> {
  const marked = labelled
    ? `list_transform(list_concat(shown, list_filter(clicked, x -> NOT list_contains(shown, x))), x -> x || CASE WHEN ` +
      `list_contains(clicked, x) THEN '-1' ELSE '-0' END)`
    : 'shown';
  const query =
    `SELECT id, u, floor(t)::BIGINT, COALESCE(array_to_string(clicks, ' '), ''), array_to_string(${marked}, ' ') FROM ` +
    'impressions LEFT JOIN histories USING (u) ORDER BY t, id::BIGINT, u';
  for await (const block of engine.stream(query))
    for (let row = 0; row < block[0]!.length; row++)
      yield block.map((column: Value[]) => String(column[row])).join('\t');
}

/**
 * Refuses impressions that cannot be made, before anything is read.
 *
 * @throws UserError naming what a description lacks.
 */
export function checkImpressions({ impressions, items }: Settings): void {
  if (!impressions) return;
  if (!items) throw new UserError('impressions need the file of items, whose titles they show');
  if (impressions.form === 'sampled' || impressions.history !== undefined) return;
  if (Object.values(impressions.parts).some(({ histories }) => histories !== undefined))
    throw new UserError(
      'impressions.history must name the column of clicks where there is a file of histories',
    );
}

/**
 * Writes the impressions of a description to the folder `impressions`, in the form of MIND.
 *
 * @param target - The domain's folder.
 * @throws InputError or UserError if they cannot be made of what there is.
 */
export async function writeImpressions(
  settings: Settings,
  { details, timed, ids }: PreparedItems,
  workshop: Workshop,
  target: string,
): Promise<WrittenImpressions> {
  const { impressions } = settings;
  const written: WrittenImpressions = { inputs: [], outputs: [], said: [] };
  if (!impressions || !details) return written;
  const write = async (name: string, lines: AsyncIterable<string>): Promise<void> => {
    makeDirectory(join(target, name, '..'));
    written.outputs.push(await writeHashed(join(target, name), name, lines));
  };
  await write('impressions/news.tsv', newsLines(settings, details, workshop));
  if (impressions.form === 'sampled') {
    if (!timed)
      throw new UserError('sampled impressions need the time of every interaction, got some without');
    const counts = { written: 0, without: 0 };
    await write('impressions/behaviors.tsv', sampledLines(impressions, ids, workshop, counts));
    written.said.push(
      `impressions: ${count(counts.written)}, each an interaction beside up to ${impressions.candidates} items that ` +
        `others took within ${impressions.hours} hours before it, sampled (seed ${impressions.seed}): nobody knows what ` +
        `was shown; ${count(counts.without)} interactions have none: a user's first, one taken again, or nothing beside it`,
    );
    return written;
  }
  const { engine } = workshop;
  for (const [part, { file, histories }] of Object.entries(impressions.parts)) {
    const labelled = await readLog(file, impressions, workshop, written.inputs);
    await readHistories(histories, impressions, workshop, written.inputs);
    const [rows, outside] = await engine.row(
      'SELECT count(*), count(*) FILTER (len(list_filter(clicked, x -> NOT list_contains(shown, x))) > 0) FROM ' +
        'impressions',
    );
    if (Number(rows) === 0) throw new InputError(file, undefined, 'impressions must have a row, got none');
    written.said.push(
      `impressions of ${part}: ${count(rows)}` +
        (Number(outside) > 0
          ? `, of which ${count(outside)} have clicks that were not shown: they stand behind what was`
          : ''),
    );
    await write(`impressions/${part}/behaviors.tsv`, behaviourLines(labelled, workshop));
  }
  return written;
}
