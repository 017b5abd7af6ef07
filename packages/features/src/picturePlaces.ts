import { createReadStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { featureStore } from './storePlace.ts';
import type { FeatureDomain } from './types.ts';

/** Whether a picture is named by an address. */
export function isAddress(image: string): boolean {
  return /^[a-z]+:\/\//i.test(image);
}

/** A line of the index of pictures that were fetched or taken from an archive; the last about a picture counts. */
export type PictureEntry =
  | { url: string; file: string; sha256: string; bytes: number }
  | { url: string; reason: string; dead: boolean }
  | { id: string; file: string };

/** Folder of a domain's pictures that are none of its own files. */
export async function picturesFolder(domain: FeatureDomain): Promise<string> {
  return join((await featureStore(domain)).features, 'pictures');
}

/** Name of the index in that folder. */
export const pictureIndex = 'index.jsonl';

/** The entries of a folder's index; a last line that is cut off is none. */
export async function readPictureIndex(folder: string): Promise<PictureEntry[]> {
  const entries: PictureEntry[] = [];
  const source = createReadStream(join(folder, pictureIndex), 'utf8');
  const missing = new Promise<boolean>((done) => {
    source.once('error', () => {
      done(true);
    });
    source.once('open', () => {
      done(false);
    });
  });
  if (await missing) return entries;
  for await (const line of createInterface({ input: source })) {
    try {
      entries.push(JSON.parse(line) as PictureEntry);
    } catch {
      // The end of a run that was killed: fetched again.
    }
  }
  return entries;
}

/** Where the pictures of a domain are. */
export interface PicturePlaces {
  /**
   * Path of an item's picture: the domain's own file, one that was fetched, or one from an archive; undefined if it has
   * none.
   */
  path: (index: number) => string | undefined;
  /** Why an address has no file. */
  whyNot: (url: string) => string;
}

/** Where the pictures of a domain are; addresses lead to what was fetched. */
export async function picturePlaces(domain: FeatureDomain): Promise<PicturePlaces> {
  const { ids, images } = domain.items;
  const folder = await picturesFolder(domain);
  const [byUrl, byId] = [new Map<string, PictureEntry>(), new Map<string, string>()];
  for (const entry of await readPictureIndex(folder))
    if ('url' in entry) byUrl.set(entry.url, entry);
    else byId.set(entry.id, join(folder, entry.file));
  return {
    path: (index) => {
      const image = images[index];
      const taken = byId.get(ids[index]!);
      if (taken !== undefined) return taken;
      if (image === undefined || !isAddress(image)) return image && resolve(domain.directory, image);
      const entry = byUrl.get(image);
      return entry && 'file' in entry ? join(folder, entry.file) : resolve(domain.directory, image);
    },
    whyNot: (url) => {
      const entry = byUrl.get(url);
      return entry && 'reason' in entry
        ? entry.reason
        : 'an address that has not been fetched (ferry features pictures)';
    },
  };
}
