import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { InputError, quoted } from '@ferry/data';
import { parse } from 'fast-csv';
import type { DuchoJob } from './config.ts';

/** Something to encode, under the id that names its file. */
export interface Named {
  /** Item id, or `user__item`. */
  id: string;
  /** A text, or the path of a picture. */
  value: string;
}

/** Endings of files that are pictures. */
const pictures = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.bmp', '.avif']);

/** Refuses ids that occur twice: one would overwrite the other. */
function refuseTwice(file: string, all: readonly Named[]): void {
  const seen = new Set<string>();
  for (const { id } of all) {
    if (seen.has(id)) throw new InputError(file, undefined, `an id must occur once, got ${quoted(id)} twice`);
    if (/[/\\\0]/.test(id) || id === '.' || id === '..')
      throw new InputError(file, undefined, `an id must be able to name a file, got ${quoted(id)}`);
    seen.add(id);
  }
}

/**
 * The pictures of a folder by id: the file's name without its last ending. Ducho cuts at the first dot, which makes two
 * ids one.
 *
 * @throws InputError if there is no picture.
 */
export async function readPictures(folder: string): Promise<{ all: Named[]; dotted: number }> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new InputError(folder, undefined, `a folder of pictures is needed (${(error as Error).message})`);
  });
  const all = names
    .filter((name) => pictures.has(extname(name).toLowerCase()))
    .sort()
    .map((name) => ({ id: name.slice(0, -extname(name).length), value: join(folder, name) }));
  if (all.length === 0)
    throw new InputError(
      folder,
      undefined,
      `the folder must hold pictures (${[...pictures].join(', ')}), got none`,
    );
  refuseTwice(folder, all);
  return { all, dotted: all.filter(({ id }) => id.includes('.')).length };
}

/** Rows of a tab-separated file with a header, as pandas writes it: marks around cells that need them. */
async function rowsOf(file: string): Promise<Record<string, string>[]> {
  const rows: Record<string, string>[] = [];
  const source = createReadStream(file);
  const parser = source.pipe(
    parse<Record<string, string>, Record<string, string>>({
      headers: true,
      delimiter: '\t',
      ignoreEmpty: true,
    }),
  );
  source.on('error', (error) => parser.destroy(error));
  try {
    for await (const row of parser) rows.push(row as Record<string, string>);
  } catch (error) {
    throw new InputError(
      file,
      undefined,
      `the file must be tab-separated with a header: ${(error as Error).message}`,
    );
  }
  if (rows.length === 0)
    throw new InputError(file, undefined, 'the file must hold rows under a header, got none');
  return rows;
}

/**
 * The texts of a file by id: of items by their column, of interactions by `user__item`. Blank ones are none.
 *
 * @throws InputError if a column is missing or an id occurs twice.
 */
export async function readTexts({ source, of }: DuchoJob): Promise<Named[]> {
  const file = source.texts!;
  const rows = await rowsOf(file);
  const { item, text, interaction } = source.columns;
  const names = of === 'items' ? [item] : (interaction ?? [undefined, undefined]);
  const known = Object.keys(rows[0]!);
  for (const [what, name] of [
    ...names.map((name) => [of === 'items' ? 'item_column' : 'interaction_columns', name] as const),
    ['text_column', text] as const,
  ])
    if (name === undefined || !known.includes(name))
      throw new InputError(
        file,
        undefined,
        `${what} must name a column, got ${name === undefined ? 'nothing' : quoted(name)}; there are ` +
          known.map((column) => quoted(column)).join(', '),
      );
  const all = rows.map((row) => ({
    id: names.map((name) => row[name!]).join('__'),
    value: row[text!] ?? '',
  }));
  refuseTwice(file, all);
  return all.filter(({ value }) => value.trim() !== '');
}

/** Digits that stand alone become words. */
const digits = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];

/**
 * Ducho's `clear_text`; its lower-casing has no effect there, and has none here. It leaves little of texts that are not
 * English.
 */
export function clearText(text: string): string {
  return text
    .replace(/[^A-Za-z0-9',.!;?()]/g, ' ')
    .replace(/[,.!;?()]/g, ' $& ')
    .replace(/n't|'(?:s|ve|re|d|ll|m)\b/g, ' $&')
    .replace(/(?<![A-Za-z0-9])\d(?![A-Za-z0-9])/g, (digit) => digits[Number(digit)]!)
    .replace(/\s+/g, ' ')
    .trim();
}
