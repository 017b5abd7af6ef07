import { InputError, quoted } from './errors.ts';
import type { IdTable } from './idTable.ts';
import { parseIndex } from './atomicIndex.ts';
import { eachTypedLine, type Cells } from './tsv.ts';
import type { Items } from './types.ts';

/** Columns of an `.item` file that hold a title, in RecBole's data sets and others; the first that is there is read. */
export const titleColumns: readonly string[] = [
  'title',
  'movie_title',
  'book_title',
  'product_title',
  'item_title',
  'news_title',
  'game_title',
  'track_title',
  'name',
  'item_name',
  'product_name',
  'movie_name',
  'book_name',
  'track_name',
  'song_name',
  'artist_name',
  'business_name',
  'app_name',
];

/** An item's title and text, each standing in for the other where it is missing or blank. */
export function titleAndText(title = '', text = ''): { title: string; text: string } {
  const [own, other] = [title, text].map((value) => (value.trim() === '' ? '' : value));
  return { title: own! || other!, text: other! || own! };
}

/** What {@link readItemFiles} found. */
export interface ItemDetails {
  /** The catalogue, grown by items that only these files name where there is no index. */
  items: Items;
  /** What is worth knowing, one sentence each. */
  warnings: string[];
}

/** A visitor's way to an item's number: undefined where the line is to be passed over. */
type Finder = (cells: Cells, cell: number, line: number) => number | undefined;

/**
 * Fills texts from a `.text` file (`item_id:token⇥text:token_seq`; raw ids, any order) and titles, pictures and
 * feature rows from an `.item` file (`item_id:token` and optionally a title, `image:token`, `clip_row:float`). A missing or
 * blank title is taken from the text and the other way round.
 *
 * Both files may name items that nobody took. Where an index says what the catalogue is, they are passed over; where
 * there is none, they are items like any other, after those that somebody took.
 *
 * @param ids - Raw ids in index order.
 * @param files - The two files, undefined where there is none, and whether the domain has an index.
 * @throws InputError naming file, line and value.
 */
export async function readItemFiles(
  ids: IdTable,
  files: { text: string | undefined; item: string | undefined; indexed: boolean },
): Promise<ItemDetails> {
  const warnings: string[] = [];
  const taken = ids.size;
  const texts = new Map<number, string>();
  const titles = new Map<number, string>();
  const images = new Map<number, string>();
  const rows = new Map<number, number>();
  const finder = (file: string): { find: Finder; finish: () => void } => {
    const lines = new Map<number, number>();
    let unknown = 0;
    let stranger = { id: '', line: 0 };
    const find: Finder = (cells, cell, line) => {
      const { bytes, starts, ends } = cells;
      if (cells.blank(cell)) throw new InputError(file, line, 'item_id must not be empty');
      const index = files.indexed
        ? ids.find(bytes, starts[cell]!, ends[cell]!)
        : ids.add(bytes, starts[cell]!, ends[cell]!);
      if (index < 0) {
        if (unknown++ === 0) stranger = { id: cells.text(cell), line };
        return undefined;
      }
      const earlier = lines.get(index);
      if (earlier !== undefined)
        throw new InputError(
          file,
          line,
          `each item has one line, got ${quoted(ids.text(index))} again (first on line ${earlier})`,
        );
      lines.set(index, line);
      return index;
    };
    const finish = (): void => {
      if (unknown === 0) return;
      if (lines.size === 0)
        throw new InputError(
          file,
          stranger.line,
          `items must be those of the item index, got none of them: ${quoted(stranger.id)} and all others are unknown`,
        );
      warnings.push(
        `${file}: ${unknown} items are not in the item index and were passed over, the first is ${quoted(stranger.id)}`,
      );
    };
    return { find, finish };
  };
  if (files.text !== undefined) {
    const file = files.text;
    const { find, finish } = finder(file);
    await eachTypedLine(file, { item_id: 'token', text: 'token_seq' }, (columns) => {
      const [id, text] = [columns.find('item_id')!, columns.find('text')!];
      return (cells, line) => {
        const index = find(cells, id, line);
        if (index !== undefined) texts.set(index, cells.text(text));
      };
    });
    finish();
  }
  if (files.item !== undefined) {
    const file = files.item;
    const { find, finish } = finder(file);
    const columns = await eachTypedLine(file, { item_id: 'token' }, (found) => {
      const id = found.find('item_id')!;
      const title = titleColumns.map((name) => found.find(name)).find((column) => column !== undefined);
      const [image, clipRow] = [found.find('image'), found.find('clip_row')];
      return (cells, line) => {
        const index = find(cells, id, line);
        if (index === undefined) return;
        if (title !== undefined) titles.set(index, cells.text(title));
        if (image !== undefined && !cells.blank(image)) images.set(index, cells.text(image));
        if (clipRow !== undefined && !cells.blank(clipRow))
          rows.set(index, parseIndex(cells.text(clipRow), file, line, 'clip_row'));
      };
    });
    finish();
    if (!titleColumns.some((name) => columns.find(name) !== undefined))
      warnings.push(
        `${file}: no column holds titles (the columns are ${columns.names.join(', ')}; titles are read from ` +
          `${titleColumns.join(', ')})`,
      );
  }
  if (ids.size > taken)
    warnings.push(
      `${files.item ?? files.text!}: ${ids.size - taken} of ${ids.size} items are in no interaction; they stay ` +
        'in the catalogue',
    );
  const all = ids.texts();
  const described = all.map((_, index) => titleAndText(titles.get(index), texts.get(index)));
  return {
    items: {
      ids: all,
      titles: described.map(({ title }) => title),
      texts: described.map(({ text }) => text),
      images: all.map((_, index) => images.get(index)),
      ...(rows.size > 0 ? { clipRows: Int32Array.from(all, (_, index) => rows.get(index) ?? -1) } : {}),
    },
    warnings,
  };
}
