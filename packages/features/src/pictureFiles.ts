import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { whyNoPicture } from './pictureCheck.ts';
import { isAddress, picturePlaces, type PicturePlaces } from './picturePlaces.ts';
import type { FeatureDomain } from './types.ts';

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

/** Calls `visit` for each item that has a picture, a few at a time. */
export async function eachPicture(
  domain: FeatureDomain,
  visit: (path: string, index: number, image: string, places: PicturePlaces) => Promise<void>,
): Promise<void> {
  const places = await picturePlaces(domain);
  const named = [...domain.items.ids.keys()].filter((index) => places.path(index) !== undefined);
  for (let at = 0; at < named.length; at += atOnce)
    await Promise.all(
      named.slice(at, at + atOnce).map((index) => {
        const path = places.path(index)!;
        return visit(path, index, domain.items.images[index] ?? path, places);
      }),
    );
}

/** Why there is no file at a path. */
export async function whyAbsent(
  path: string,
  image: string,
  error: NodeJS.ErrnoException,
  places: PicturePlaces,
): Promise<string> {
  if (isAddress(image)) return places.whyNot(image);
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') return error.message;
  if (image.includes('\\')) return "no such file (folders are separated by '/')";
  const siblings = await readdir(dirname(path)).catch(() => undefined);
  if (siblings === undefined) return `no such file, nor a folder ${dirname(image)}`;
  const twin = siblings.find((name) => name.toLowerCase() === basename(path).toLowerCase());
  return twin === undefined || twin === basename(path)
    ? 'no such file'
    : `no such file, but there is ${twin}`;
}

/**
 * Looks at the pictures that a domain names without decoding them: that each is a file, begins like a picture, and is
 * not cut off.
 *
 * @returns Those that cannot be used.
 */
export async function badPictures(domain: FeatureDomain): Promise<BadPicture[]> {
  const found: BadPicture[] = [];
  await eachPicture(domain, async (path, index, image, places) => {
    const reason = await whyNoPicture(path).catch((error: unknown) =>
      whyAbsent(path, image, error as NodeJS.ErrnoException, places),
    );
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

/** A note about pictures that cannot be read, if there are any. */
export function whyAbsentNote(
  { items }: Pick<FeatureDomain, 'items'>,
  absent: readonly BadPicture[],
): string[] {
  if (absent.length === 0) return [];
  const named = items.images.filter((image) => image !== undefined).length;
  return [`${absent.length} of ${named} pictures named cannot be read: ${listPictures(absent)}`];
}
