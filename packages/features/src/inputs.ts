import { join as joined } from 'node:path';
import { InputError, readRecords } from '@ferry/data';
import { hashFile, sha256 } from './hash.ts';
import { badPictures, eachPicture, listPictures, whyAbsent, type BadPicture } from './pictureFiles.ts';
import { picturePlaces } from './picturePlaces.ts';
import { dropWords, type WordDrop } from './words.ts';
import type { FeatureDomain } from './types.ts';

/** What is encoded for an item, and the SHA-256 of its content. */
export interface ItemInput {
  value: string;
  hash: string;
}

/** Which texts of a domain are encoded. */
export interface TextSource {
  /** `texts` (the default): an item's text or, where that is blank, its title. `titles`: the other way round. */
  field?: 'texts' | 'titles';
  /**
   * Instead: keys of `items.jsonl` that make the text, in this order (`title` and `text` of domains of other forms
   * too). Lists count as their entries with commas between; what is blank is left out.
   */
  fields?: readonly string[];
  /** What stands between {@link fields}. Default '. '. */
  join?: string;
  /** Encodes them with words dropped. */
  dropWords?: WordDrop;
}

/** A value of `items.jsonl` as text. */
function textOf(value: unknown): string {
  if (Array.isArray(value))
    return value
      .map(textOf)
      .filter((part) => part !== '')
      .join(', ');
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
}

/**
 * Texts of all items made of several keys.
 *
 * @throws InputError if the domain has no such key.
 */
async function joinedTexts(
  { directory, items }: Pick<FeatureDomain, 'directory' | 'items'>,
  fields: readonly string[],
  join: string,
): Promise<string[]> {
  const columns: Record<string, readonly string[]> = { title: items.titles, text: items.texts };
  const others = fields.filter((field) => columns[field] === undefined);
  if (others.length > 0) {
    const file = joined(directory, 'items.jsonl');
    const rows = (await readRecords(file)) ?? [];
    const known = new Set(rows.length === items.ids.length ? rows.flatMap((row) => Object.keys(row)) : []);
    for (const field of others) {
      if (!known.has(field))
        throw new InputError(
          rows.length === items.ids.length ? file : directory,
          undefined,
          `fields must be keys of items.jsonl, got ${JSON.stringify(field)}; there are ` +
            [...new Set(['title', 'text', ...known])].join(', '),
        );
      columns[field] = rows.map((row) => textOf(row[field]));
    }
  }
  return items.ids.map((_, index) =>
    fields
      .map((field) => columns[field]![index]!.trim())
      .filter((part) => part !== '')
      .join(join),
  );
}

/** What is encoded of a text, after words are dropped. */
function inputOf(text: string, id: string, drop: WordDrop | undefined): ItemInput | undefined {
  const value = drop ? dropWords(text, id, drop) : text;
  return value === '' ? undefined : { value, hash: sha256(value) };
}

/**
 * The texts of all items by whichever source, undefined where there is none. [N].
 *
 * @throws InputError if the domain has no such field.
 */
export async function sourceInputs(
  domain: Pick<FeatureDomain, 'directory' | 'items'>,
  source: TextSource,
): Promise<(ItemInput | undefined)[]> {
  const { fields, join = '. ', dropWords: drop } = source;
  if (!fields) return textInputs(domain, source);
  const texts = await joinedTexts(domain, fields, join);
  return texts.map((text, index) => inputOf(text, domain.items.ids[index]!, drop));
}

/** The texts of all items, undefined where there is none. [N]. */
export function textInputs(
  domain: Pick<FeatureDomain, 'items'>,
  { field = 'texts', dropWords: drop }: TextSource,
): (ItemInput | undefined)[] {
  const { ids, texts, titles } = domain.items;
  const [first, second] = field === 'texts' ? [texts, titles] : [titles, texts];
  return ids.map((id, index) => {
    const text = first[index]!.trim() || second[index]!.trim();
    return inputOf(text, id, drop);
  });
}

/** The texts of all items as text encoders read them, undefined where there is none. [N]. */
export function itemTexts(domain: Pick<FeatureDomain, 'items'>): (string | undefined)[] {
  return textInputs(domain, {}).map((input) => input?.value);
}

/**
 * Checks that a domain has something to encode, which is cheap, before anything dear is begun.
 *
 * @throws InputError if no item has a text, or no picture named is a file.
 */
export async function requireInputs(domain: FeatureDomain, modality: 'text' | 'image'): Promise<void> {
  const fail = (rule: string): InputError => new InputError(domain.directory, undefined, rule);
  const count = domain.items.ids.length;
  if (modality === 'text') {
    if (textInputs(domain, {}).every((input) => input === undefined))
      throw fail(`there must be texts to encode, got none for the ${count} items of ${domain.name}`);
    return;
  }
  const places = await picturePlaces(domain);
  const named = domain.items.ids.filter((_, index) => places.path(index) !== undefined).length;
  if (named === 0)
    throw fail(`there must be pictures to encode, got none named for the ${count} items of ${domain.name}`);
  const bad = await badPictures(domain);
  if (bad.length === named)
    throw fail(
      `there must be pictures to encode, got ${named} named of which none can be read: ${listPictures(bad)}`,
    );
}

/**
 * The pictures of all items: their paths and hashes, undefined where the data names none or one that is not there. [N].
 *
 * @param domain - The domain; paths are relative to its directory.
 */
export async function pictureInputs(
  domain: FeatureDomain,
): Promise<{ inputs: (ItemInput | undefined)[]; absent: BadPicture[] }> {
  const inputs: (ItemInput | undefined)[] = domain.items.ids.map(() => undefined);
  const absent: BadPicture[] = [];
  await eachPicture(domain, async (path, index, image, places) => {
    try {
      // Only the hash is kept; the encoder reads the picture again if its vector is not in the cache.
      inputs[index] = { value: path, hash: await hashFile(path) };
    } catch (error) {
      absent.push({
        index,
        image,
        reason: await whyAbsent(path, image, error as NodeJS.ErrnoException, places),
      });
    }
  });
  return { inputs, absent: absent.sort((a, b) => a.index - b.index) };
}
