import { createReadStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { InputError, type Domain } from '@ferry/data';
import { sha256 } from './hash.ts';
import { dropWords, type WordDrop } from './words.ts';

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
  domain: Pick<Domain, 'items'>,
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

/** A picture that the data names and that cannot be used. */
export interface BadPicture {
  /** Index of the item. */
  index: number;
  /** The picture as the data names it. */
  image: string;
  /** What is wrong. */
  reason: string;
}

/** Pictures read at once. */
const atOnce = 32;

/** Calls `visit` for each item that names a picture, a few at a time. */
async function eachPicture(
  domain: Pick<Domain, 'directory' | 'items'>,
  visit: (path: string, index: number, image: string) => Promise<void>,
): Promise<void> {
  const named = [...domain.items.images.entries()].filter(
    (entry): entry is [number, string] => entry[1] !== undefined,
  );
  for (let at = 0; at < named.length; at += atOnce)
    await Promise.all(
      named
        .slice(at, at + atOnce)
        .map(([index, image]) => visit(resolve(domain.directory, image), index, image)),
    );
}

/** Why there is no file at a path. */
async function whyAbsent(path: string, image: string, error: NodeJS.ErrnoException): Promise<string> {
  if (/^[a-z]+:\/\//i.test(image)) return 'an address, where a file is needed';
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') return error.message;
  if (image.includes('\\')) return "no such file (folders are separated by '/')";
  const siblings = await readdir(dirname(path)).catch(() => undefined);
  if (siblings === undefined) return `no such file, nor a folder ${dirname(image)}`;
  const twin = siblings.find((name) => name.toLowerCase() === basename(path).toLowerCase());
  return twin === undefined || twin === basename(path)
    ? 'no such file'
    : `no such file, but there is ${twin}`;
}

/** What is wrong with the first bytes of a picture, if anything. */
function whyNoPicture(start: Buffer): string | undefined {
  if (start.length === 0) return 'an empty file';
  const text = start.toString('latin1').trimStart().toLowerCase();
  if (text.startsWith('<!doctype html') || text.startsWith('<html')) return 'a web page, not a picture';
  if (text.startsWith('{') || text.startsWith('version https://git-lfs')) return 'a text, not a picture';
  return undefined;
}

/**
 * Looks at the pictures that a domain names without decoding them: that each is a file, and does not begin like a web page.
 *
 * @returns Those that cannot be used.
 */
export async function badPictures(domain: Pick<Domain, 'directory' | 'items'>): Promise<BadPicture[]> {
  const found: BadPicture[] = [];
  await eachPicture(domain, async (path, index, image) => {
    let reason: string | undefined;
    try {
      const file = await open(path);
      try {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0);
        reason = whyNoPicture(buffer.subarray(0, bytesRead));
      } finally {
        await file.close();
      }
    } catch (error) {
      reason = await whyAbsent(path, image, error as NodeJS.ErrnoException);
    }
    if (reason !== undefined) found.push({ index, image, reason });
  });
  return found.sort((a, b) => a.index - b.index);
}

/** Pictures and what is wrong with them, in one line: some names for each reason. */
export function listPictures(pictures: readonly BadPicture[], most = 5): string {
  const byReason = new Map<string, string[]>();
  for (const { image, reason } of pictures) {
    const images = byReason.get(reason);
    if (images) images.push(image);
    else byReason.set(reason, [image]);
  }
  return [...byReason]
    .map(([reason, images]) => {
      const more = images.length - most;
      const shown = images.slice(0, most).join(', ');
      return `${shown}${more > 0 ? ` and ${more.toLocaleString('en-US')} more` : ''} (${reason})`;
    })
    .join('; ');
}

/**
 * Checks that a domain has something to encode, which is cheap, before anything dear is begun.
 *
 * @throws InputError if no item has a text, or no picture named is a file.
 */
export async function requireInputs(domain: Domain, modality: 'text' | 'image'): Promise<void> {
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
 * @param unchanged - Told a picture's path and the time of its last change in milliseconds; a hash it returns is taken
 *   instead of reading the picture.
 */
export async function pictureInputs(
  domain: Pick<Domain, 'directory' | 'items'>,
  unchanged: (index: number, changedAt: number) => string | undefined = () => undefined,
): Promise<{ inputs: (ItemInput | undefined)[]; absent: BadPicture[] }> {
  const inputs: (ItemInput | undefined)[] = domain.items.ids.map(() => undefined);
  const absent: BadPicture[] = [];
  await eachPicture(domain, async (path, index, image) => {
    try {
      const { ctimeMs } = await stat(path);
      let hash = unchanged(index, ctimeMs);
      if (hash === undefined) {
        const sum = createHash('sha256');
        await pipeline(createReadStream(path), sum);
        hash = sum.digest('hex');
      }
      // Only the hash is kept; the encoder reads the picture again if its vector is not in the cache.
      inputs[index] = { value: path, hash };
    } catch (error) {
      absent.push({ index, image, reason: await whyAbsent(path, image, error as NodeJS.ErrnoException) });
    }
  });
  return { inputs, absent: absent.sort((a, b) => a.index - b.index) };
}
