import { open, type FileHandle } from 'node:fs/promises';

/** How the formats begin that are decoded, and what they must end with, other bytes behind it or not. */
const formats: readonly { readonly begins: RegExp; readonly ends?: string; readonly ending: string }[] = [
  { begins: /^\xff\xd8\xff/, ends: '\xff\xd9', ending: 'jpg' }, // JPEG
  { begins: /^\x89PNG\r\n\x1a\n/, ends: 'IEND', ending: 'png' },
  { begins: /^GIF8/, ending: 'gif' },
  { begins: /^(II\*\0|MM\0\*)/, ending: 'tif' }, // TIFF
  { begins: /^[^]{4}ftyp/, ending: 'avif' }, // AVIF
  { begins: /^\s*<(\?xml|svg|!--)/i, ending: 'svg' },
];

/** Bytes at the end of a picture in which its end is looked for before the whole is read. */
const tail = 4096;

async function whyNot(file: FileHandle): Promise<string | undefined> {
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
 * What is wrong with a picture's file, if anything, as far as its beginning and its end tell.
 *
 * @throws Error if it cannot be opened.
 */
export async function whyNoPicture(path: string): Promise<string | undefined> {
  const file = await open(path);
  try {
    return await whyNot(file);
  } finally {
    await file.close();
  }
}

/** The ending that the name of a picture should have, by its first bytes. */
export function endingOf(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 64)).toString('latin1');
  if (/^RIFF[^]{4}WEBP/.test(start)) return 'webp';
  return formats.find(({ begins }) => begins.test(start))?.ending ?? 'bin';
}
