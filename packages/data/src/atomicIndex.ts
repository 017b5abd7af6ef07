import { InputError, quoted } from './errors.ts';
import { eachTsvLine, eachTypedLine } from './tsv.ts';
import type { Items } from './types.ts';

/** A non-negative integer written in plain digits. */
export function parseIndex(text: string, file: string, line: number, what: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  if (/^\d+-\d+$/.test(text))
    throw new InputError(
      file,
      line,
      `${what} must be an integer, got ${quoted(text)}: a file merged from several domains; read the domains one by one`,
    );
  throw new InputError(file, line, `${what} must be an integer, got ${quoted(text)}`);
}

/**
 * Reads an index file (`raw id⇥index`, no header). Lines may come in any order; together the indices must be
 * 0..n-1, each once.
 *
 * @returns Raw ids, by index.
 */
export async function readIndex(file: string): Promise<string[]> {
  const ids: (string | undefined)[] = [];
  const lineOf = new Map<string, number>();
  let lines = 0;
  await eachTsvLine(file, (cells, line) => {
    lines = line;
    const [id, index] = cells;
    if (cells.length !== 2 || !id)
      throw new InputError(file, line, `a line must be id⇥index, got ${quoted(cells.join('\t'))}`);
    const at = parseIndex(index!, file, line, 'an index');
    const earlier = lineOf.get(id);
    if (earlier !== undefined)
      throw new InputError(
        file,
        line,
        `ids must be unique, got ${quoted(id)} again (first on line ${earlier})`,
      );
    if (ids[at] !== undefined)
      throw new InputError(
        file,
        line,
        `indices must be unique, got ${at} again (first on line ${lineOf.get(ids[at])!})`,
      );
    lineOf.set(id, line);
    ids[at] = id;
  });
  for (let index = 0; index < lines; index++)
    if (ids[index] === undefined)
      throw new InputError(
        file,
        undefined,
        `indices must be 0..${lines - 1} without gaps, got none for ${index}`,
      );
  if (lines === 0)
    throw new InputError(file, undefined, 'an index needs at least one line, got an empty file');
  return ids as string[];
}

/** Position of each id in a list. */
export function positions(ids: readonly string[]): Map<string, number> {
  return new Map(ids.map((id, index) => [id, index]));
}

/** Looks a raw item id up. */
function indexOf(numbers: ReadonlyMap<string, number>, id: string, file: string, line: number): number {
  const index = numbers.get(id);
  if (index === undefined)
    throw new InputError(file, line, `every item must be in the item index, got ${quoted(id)}`);
  return index;
}

/**
 * Fills texts from a `.text` file (`item_id:token⇥text:token_seq`; raw ids, any order) and titles, pictures and
 * feature rows from an `.item` file (`item_id:token` and optionally `title:token_seq`, `image:token`,
 * `clip_row:float`). Items without a line keep ''. Without titles, the text stands in.
 *
 * @param ids - Raw ids in index order.
 * @param files - The two files, undefined where there is none.
 */
export async function readItemDetails(
  ids: readonly string[],
  files: { text: string | undefined; item: string | undefined },
): Promise<Items> {
  const numbers = positions(ids);
  const texts = ids.map(() => '');
  const images: (string | undefined)[] = ids.map(() => undefined);
  const titles: (string | undefined)[] = ids.map(() => undefined);
  const clipRows = new Int32Array(ids.length).fill(-1);
  const once = (file: string) => {
    const lines = new Map<number, number>();
    return (index: number, line: number) => {
      const earlier = lines.get(index);
      if (earlier !== undefined)
        throw new InputError(
          file,
          line,
          `each item has one line, got ${quoted(ids[index])} again (first on line ${earlier})`,
        );
      lines.set(index, line);
    };
  };
  if (files.text !== undefined) {
    const file = files.text;
    const check = once(file);
    await eachTypedLine(file, { item_id: 'token', text: 'token_seq' }, (columns, cells, line) => {
      const index = indexOf(numbers, cells[columns.find('item_id')!]!, file, line);
      check(index, line);
      texts[index] = cells[columns.find('text')!]!;
    });
  }
  if (files.item !== undefined) {
    const file = files.item;
    const check = once(file);
    await eachTypedLine(file, { item_id: 'token' }, (columns, cells, line) => {
      const index = indexOf(numbers, cells[columns.find('item_id')!]!, file, line);
      check(index, line);
      const cell = (name: string) => {
        const position = columns.find(name);
        return position === undefined ? undefined : cells[position];
      };
      titles[index] = cell('title');
      images[index] = cell('image') === '' ? undefined : cell('image');
      const row = cell('clip_row');
      if (row !== undefined && row !== '') clipRows[index] = parseIndex(row, file, line, 'clip_row');
    });
  }
  return {
    ids: [...ids],
    titles: titles.map((title, index) => title ?? texts[index]!),
    texts,
    images,
    ...(clipRows.some((row) => row >= 0) ? { clipRows } : {}),
  };
}
