import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, makeDirectory, openZip, type Domain, type ZipEntry } from '@ferry/data';
import { fetchPolitely, type PoliteOptions } from '@ferry/fetch';
import { sha256 } from './hash.ts';
import { endingOf, whyNoPicture } from './pictureCheck.ts';
import {
  isAddress,
  pictureIndex,
  picturesFolder,
  readPictureIndex,
  type PictureEntry,
} from './picturePlaces.ts';

/** How {@link fetchPictures} goes about. */
export interface FetchPicturesOptions extends PoliteOptions {
  /** Whether addresses that were dead are asked for again. Default false. */
  again?: boolean;
  /** Told how many addresses are done. */
  progress?: (done: number, total: number) => void;
}

/** What became of a domain's addresses. */
export interface FetchedPictures {
  /** Fetched now. */
  fetched: number;
  /** There already. */
  before: number;
  /** Nothing that asking again would bring. */
  dead: number;
  /** Hosts had their troubles: asked again the next time. */
  failed: number;
  /** The list of those that are not there, with their reasons; undefined if there is none. */
  list?: string;
}

/** What is known of an address. */
type AddressEntry = Extract<PictureEntry, { url: string }>;

/** The newest entry about each address. */
function newest(entries: readonly PictureEntry[]): Map<string, AddressEntry> {
  return new Map(entries.flatMap((entry) => ('url' in entry ? [[entry.url, entry] as const] : [])));
}

/** Writes a picture and checks that it is one. */
async function keep(folder: string, url: string, body: Buffer): Promise<AddressEntry> {
  const file = `${sha256(url).slice(0, 24)}.${endingOf(body)}`;
  const part = join(folder, `${file}.${randomUUID()}.part`);
  await writeFile(part, body);
  const reason = await whyNoPicture(part);
  if (reason !== undefined) {
    await rm(part);
    // Half a picture may be whole the next time.
    return { url, reason, dead: !reason.startsWith('cut off') };
  }
  await rename(part, join(folder, file));
  return { url, file, sha256: sha256(body), bytes: body.length };
}

/**
 * Fetches the pictures that a domain names by their addresses into its folder of features. What is there already, and what
 * was dead, is not asked for again; a run that is stopped goes on where it was.
 *
 * @param domain - The domain.
 * @param options - How polite to be; `allowPrivate` lets addresses of this machine and of private networks be asked.
 * @returns Counts, and the list of what is not there (`missing.jsonl`: item, address, reason).
 */
export async function fetchPictures(
  domain: Domain,
  { again = false, progress, ...options }: FetchPicturesOptions = {},
): Promise<FetchedPictures> {
  const folder = await picturesFolder(domain);
  makeDirectory(folder);
  const { ids, images } = domain.items;
  const wanted = new Set(images.filter((image) => image !== undefined && isAddress(image)) as string[]);
  const known = newest(await readPictureIndex(folder));
  const files = new Set(await readdir(folder));
  const found: FetchedPictures = { fetched: 0, before: 0, dead: 0, failed: 0 };
  const todo: string[] = [];
  for (const url of wanted) {
    const entry = known.get(url);
    // A file that someone has removed is fetched again.
    if (entry && 'file' in entry && files.has(entry.file)) found.before++;
    else if (again || !entry || !('dead' in entry && entry.dead)) todo.push(url);
  }
  let done = wanted.size - todo.length;
  progress?.(done, wanted.size);
  const index = await open(join(folder, pictureIndex), 'a');
  try {
    // A line that an earlier run left unfinished must not swallow the next.
    await index.write('\n');
    await fetchPolitely(
      todo,
      async (answer) => {
        const entry = 'body' in answer ? await keep(folder, answer.url, answer.body) : answer;
        known.set(answer.url, entry);
        await index.write(`${JSON.stringify(entry)}\n`);
        if ('file' in entry) found.fetched++;
        progress?.(++done, wanted.size);
      },
      options,
    );
  } finally {
    await index.close();
  }
  const lost = images.flatMap((image, item) => {
    const entry = image === undefined ? undefined : known.get(image);
    return entry && 'reason' in entry ? [{ id: ids[item]!, ...entry }] : [];
  });
  for (const url of wanted) {
    const entry = known.get(url);
    if (entry && 'reason' in entry) found[entry.dead ? 'dead' : 'failed']++;
  }
  const list = join(folder, 'missing.jsonl');
  await rm(list, { force: true });
  if (lost.length === 0) return found;
  await writeFile(list, lost.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  return { ...found, list };
}

/** A name without its folder and ending. */
const stem = (name: string): string =>
  name
    .split('/')
    .at(-1)!
    .replace(/\.[^.]*$/, '');

/**
 * Takes a domain's pictures out of a zip archive: by the path that an item names, else by the item's id.
 *
 * @returns How many items have one.
 * @throws InputError if it is no archive, is damaged, or has none of the domain's pictures.
 */
export async function takePictures(
  domain: Domain,
  archive: string,
  progress?: (done: number, total: number) => void,
): Promise<number> {
  const folder = await picturesFolder(domain);
  const damaged = (error: unknown): InputError =>
    new InputError(archive, undefined, `a zip archive of pictures is needed (${(error as Error).message})`);
  const zip = await openZip(archive).catch((error: unknown) => {
    throw damaged(error);
  });
  try {
    const [byName, byStem] = [new Map<string, ZipEntry>(), new Map<string, ZipEntry>()];
    for (const entry of zip.entries) {
      byName.set(entry.name, entry);
      if (!byStem.has(stem(entry.name))) byStem.set(stem(entry.name), entry);
    }
    const { ids, images } = domain.items;
    const taken = ids.flatMap((id, item) => {
      const image = images[item];
      const entry =
        (image === undefined ? undefined : byName.get(image.replace(/^(?:\.\.?\/)+/, ''))) ??
        byStem.get(id) ??
        (image === undefined ? undefined : byStem.get(stem(image)));
      return entry ? [{ id, entry }] : [];
    });
    if (taken.length === 0)
      throw new InputError(
        archive,
        undefined,
        `the archive must hold pictures named by the items' ids (such as ${ids[0]!}.jpg), got ` +
          zip.entries
            .slice(0, 5)
            .map(({ name }) => name)
            .join(', '),
      );
    makeDirectory(folder);
    const lines: string[] = [];
    for (const [at, { id, entry }] of taken.entries()) {
      const blocks: Buffer[] = [];
      try {
        for await (const block of zip.blocks(entry)) blocks.push(block);
      } catch (error) {
        throw damaged(error);
      }
      const body = Buffer.concat(blocks);
      const file = `${sha256(`${id}\0${entry.name}`).slice(0, 24)}.${endingOf(body)}`;
      await writeFile(join(folder, file), body);
      lines.push(JSON.stringify({ id, file } satisfies PictureEntry));
      progress?.(at + 1, taken.length);
    }
    await writeFile(join(folder, pictureIndex), `\n${lines.join('\n')}\n`, { flag: 'a' });
    return taken.length;
  } finally {
    zip.close();
  }
}
