import { open, readdir, type FileHandle } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
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

/** Calls `visit` for each item that names a picture, a few at a time. */
export async function eachPicture(
  domain: Pick<FeatureDomain, 'directory' | 'items'>,
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
export async function whyAbsent(path: string, image: string, error: NodeJS.ErrnoException): Promise<string> {
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

/** How the formats begin that are decoded, and what they must end with, other bytes behind it or not. */
const formats: readonly { readonly begins: RegExp; readonly ends?: string }[] = [
  { begins: /^\xff\xd8\xff/, ends: '\xff\xd9' }, // JPEG
  { begins: /^\x89PNG\r\n\x1a\n/, ends: 'IEND' },
  { begins: /^GIF8/ },
  { begins: /^(II\*\0|MM\0\*)/ }, // TIFF
  { begins: /^[^]{4}ftyp/ }, // AVIF
  { begins: /^\s*<(\?xml|svg|!--)/i },
];

/** Bytes at the end of a picture in which its end is looked for before the whole is read. */
const tail = 4096;

/** What is wrong with a picture's file, if anything, as far as its beginning and its end tell. */
async function whyNoPicture(file: FileHandle): Promise<string | undefined> {
  const { size } = await file.stat();
  const bytes = async (from: number, to: number): Promise<string> => {
    const length = Math.max(0, Math.min(to, size) - from);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
    return buffer.toString('latin1', 0, bytesRead);
  };
  const start = await bytes(0, 64);
  if (start === '') return 'an empty file';
  const text = start.trimStart().toLowerCase();
  if (text.startsWith('<!doctype html') || text.startsWith('<html')) return 'a web page, not a picture';
  if (text.startsWith('{') || text.startsWith('version https://git-lfs')) return 'a text, not a picture';
  if (/^RIFF[^]{4}WEBP/.test(start)) {
    const stated = Buffer.from(start, 'latin1').readUInt32LE(4) + 8;
    return stated > size ? `cut off: ${size} of ${stated} bytes` : undefined;
  }
  const format = formats.find(({ begins }) => begins.test(start));
  if (!format) return 'not a picture of a known format';
  const { ends } = format;
  // Rarely something long is behind the end, such as the film of a moving picture.
  const whole =
    ends === undefined ||
    (await bytes(Math.max(0, size - tail), size)).includes(ends) ||
    (size > tail && (await bytes(0, size)).includes(ends));
  return whole ? undefined : 'cut off: it has no end';
}

/**
 * Looks at the pictures that a domain names without decoding them: that each is a file, begins like a picture, and is
 * not cut off.
 *
 * @returns Those that cannot be used.
 */
export async function badPictures(domain: Pick<FeatureDomain, 'directory' | 'items'>): Promise<BadPicture[]> {
  const found: BadPicture[] = [];
  await eachPicture(domain, async (path, index, image) => {
    let reason: string | undefined;
    try {
      const file = await open(path);
      try {
        reason = await whyNoPicture(file);
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
