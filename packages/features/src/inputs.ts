import { createReadStream } from 'node:fs';
import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { InputError } from '@ferry/data';
import { sha256 } from './hash.ts';
import { badPictures, eachPicture, listPictures, whyAbsent, type BadPicture } from './pictureFiles.ts';
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
  /** Encodes them with words dropped. */
  dropWords?: WordDrop;
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
    const value = drop ? dropWords(text, id, drop) : text;
    return value === '' ? undefined : { value, hash: sha256(value) };
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
  const named = domain.items.images.filter((image) => image !== undefined).length;
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
  domain: Pick<FeatureDomain, 'directory' | 'items'>,
): Promise<{ inputs: (ItemInput | undefined)[]; absent: BadPicture[] }> {
  const inputs: (ItemInput | undefined)[] = domain.items.ids.map(() => undefined);
  const absent: BadPicture[] = [];
  await eachPicture(domain, async (path, index, image) => {
    try {
      const sum = createHash('sha256');
      await pipeline(createReadStream(path), sum);
      // Only the hash is kept; the encoder reads the picture again if its vector is not in the cache.
      inputs[index] = { value: path, hash: sum.digest('hex') };
    } catch (error) {
      absent.push({ index, image, reason: await whyAbsent(path, image, error as NodeJS.ErrnoException) });
    }
  });
  return { inputs, absent: absent.sort((a, b) => a.index - b.index) };
}
