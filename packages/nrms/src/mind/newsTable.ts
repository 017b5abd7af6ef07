import { readdir } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { IdTable, InputError } from '@ferry/data';
import { entitiesOf, EntityLists, Names } from './entities.ts';
import { eachNews, type NewsLine, type Quotes } from './newsFile.ts';
import type { MindFiles, News } from './types.ts';

const pictureForms = new Set(['.png', '.jpg', '.jpeg', '.webp']);

/** Pictures beside a file of news, by the id that is their name. */
async function picturesBeside(file: string): Promise<Map<string, string>> {
  const directory = join(dirname(file), 'images');
  const names = await readdir(directory).catch(() => []);
  return new Map(
    names
      .sort()
      .filter((name) => pictureForms.has(extname(name).toLowerCase()))
      .map((name) => [name.slice(0, -extname(name).length), join(directory, name)]),
  );
}

/** A list with `count` entries, the missing ones empty. */
function filled<T>(list: readonly T[], count: number, empty: T): T[] {
  return [...list, ...new Array<T>(count - list.length).fill(empty)];
}

/** Numbers as Int32, the missing ones 0. */
function padded(list: readonly number[], count: number): Int32Array {
  const all = new Int32Array(count);
  all.set(list);
  return all;
}

/** The news while they are read. */
export class NewsTable {
  /** The table of ids, number 0 being padding; behaviours add those that no file of news has. */
  readonly ids = IdTable.of(['']);
  readonly #titles = [''];
  readonly #abstracts = [''];
  readonly #categories = [0];
  readonly #subcategories = [0];
  readonly #images: (string | undefined)[] = [undefined];
  readonly #categoryNames = new Names();
  readonly #subcategoryNames = new Names();
  readonly #entities = new Names();
  readonly #titleEntities = new EntityLists();
  readonly #abstractEntities = new EntityLists();

  constructor() {
    this.#titleEntities.push([]);
    this.#abstractEntities.push([]);
  }

  /**
   * Adds what a line says, or completes what earlier ones said of its news.
   *
   * @returns Whether the title is another than the one that is kept.
   */
  add(line: NewsLine, refuse: (rule: string) => InputError, image: string | undefined): boolean {
    const number = this.ids.addText(line.id);
    this.#images[number] ??= image;
    if (number < this.#titles.length) return this.#complete(number, line);
    this.#titles.push(line.title);
    this.#abstracts.push(line.abstract);
    this.#categories.push(this.#categoryNames.number(line.category));
    this.#subcategories.push(this.#subcategoryNames.number(line.subcategory));
    const numbers = (cell: string, what: string): number[] =>
      entitiesOf(cell, what, refuse).map((id) => this.#entities.number(id));
    this.#titleEntities.push(numbers(line.titleEntities, 'title'));
    this.#abstractEntities.push(numbers(line.abstractEntities, 'abstract'));
    return false;
  }

  /** Completes a news. */
  #complete(number: number, line: NewsLine): boolean {
    const differs = this.#titles[number] !== '' && line.title !== '' && this.#titles[number] !== line.title;
    this.#titles[number] ||= line.title;
    this.#abstracts[number] ||= line.abstract;
    this.#categories[number] ||= this.#categoryNames.number(line.category);
    this.#subcategories[number] ||= this.#subcategoryNames.number(line.subcategory);
    return differs;
  }

  /** Forgets all titles and abstracts, so that other files give them. */
  forgetTexts(): void {
    this.#titles.fill('');
    this.#abstracts.fill('');
  }

  /** The news with all ids that the table holds by now. */
  finish(): News {
    const all = this.ids.size;
    return {
      ids: this.ids,
      count: all - 1,
      described: this.#titles.length - 1,
      titles: filled(this.#titles, all, ''),
      abstracts: filled(this.#abstracts, all, ''),
      categories: padded(this.#categories, all),
      categoryNames: this.#categoryNames.all(),
      subcategories: padded(this.#subcategories, all),
      subcategoryNames: this.#subcategoryNames.all(),
      entityNames: this.#entities.all(),
      titleEntities: this.#titleEntities.lists(all),
      abstractEntities: this.#abstractEntities.lists(all),
      images: filled(this.#images, all, undefined),
    };
  }
}

/**
 * Reads files of news into a table.
 *
 * @returns The table, and what was noticed.
 */
export async function readNews(
  { news: files, texts = [] }: MindFiles,
  { quotes }: { quotes?: Quotes } = {},
): Promise<{ table: NewsTable; warnings: string[] }> {
  const table = new NewsTable();
  const warnings: string[] = [];
  const read = async (file: string): Promise<void> => {
    const pictures = await picturesBeside(file);
    let [differing, first] = [0, ''];
    const add = (line: NewsLine, at: number): void => {
      const differs = table.add(line, (rule) => new InputError(file, at, rule), pictures.get(line.id));
      if (differs && differing++ === 0) first = line.id;
    };
    await eachNews(file, add, quotes === undefined ? {} : { quotes });
    if (differing > 0)
      warnings.push(
        `${file}: ${differing} news have had another title before, such as ${first}; the first is kept`,
      );
  };
  for (const file of files) await read(file);
  if (texts.length > 0) table.forgetTexts();
  for (const file of texts) await read(file);
  return { table, warnings };
}
