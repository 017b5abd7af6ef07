import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from '@ferry/recipes';
import type { CardFile } from './cards.ts';
import { fits, type Sought, unzipFile } from './zip.ts';

/** Where files of a card may be. */
export interface Places {
  /** Folders to look into, the first first. */
  folders: string[];
  /** Where members of archives are unpacked to. */
  unpacked: string;
  /** All files that are looked for: where two have one name, their folders tell them apart. Default none. */
  wanted?: readonly string[];
}

/** Whether a path is a file. */
async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

/** Depth to which a folder is searched. */
const depth = 3;

/** Files of a name in a folder, also deep in it. */
async function search(folder: string, name: string, left = depth): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const own = entries
    .filter((entry) => !entry.isDirectory() && entry.name === name)
    .map((entry) => join(folder, entry.name));
  if (left === 0) return own;
  const inner = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  return [
    ...own,
    ...(await Promise.all(inner.map((entry) => search(join(folder, entry.name), name, left - 1)))).flat(),
  ];
}

/** The other name that a file may have: packed or not. */
function otherName(path: string): string {
  return path.endsWith('.gz') ? path.slice(0, -3) : `${path}.gz`;
}

/** A member of an archive: `ml-100k.zip/ml-100k/u.data`. */
function memberOf(path: string): { archive: string; member: string } | undefined {
  const found = /^(.*?\.zip)\/(.+)$/i.exec(path);
  return found ? { archive: found[1]!, member: found[2]! } : undefined;
}

/** Looks for a file of a card in one folder. */
async function inFolder(
  path: string,
  folder: string,
  { unpacked, sought }: Pick<Places, 'unpacked'> & { sought: Sought },
): Promise<string | undefined> {
  const inside = memberOf(path);
  if (inside) {
    const archive = join(folder, inside.archive);
    if (await isFile(archive)) {
      const target = join(unpacked, path);
      return (await unzipFile(archive, inside.member, target, sought)) ? target : undefined;
    }
  }
  const tries = inside
    ? [
        join(dirname(inside.archive), basename(inside.archive, '.zip'), inside.member),
        // A name alone, such as behaviors.tsv, may be another part's.
        ...(inside.member.includes('/') ? [inside.member] : []),
      ]
    : [path];
  for (const own of tries)
    for (const name of [own, otherName(own)]) if (await isFile(join(folder, name))) return join(folder, name);
  if (inside && !inside.member.includes('/')) return undefined;
  for (const name of [basename(path), otherName(basename(path))]) {
    const found = (await search(folder, name)).filter((file) =>
      fits(file, join(dirname(path), name), sought),
    );
    if (found.length > 1)
      throw new UserError(
        `${folder} holds ${name} in several places: ${found.join(', ')}; name the folder of the one you mean`,
      );
    if (found.length === 1) return found[0];
  }
  return undefined;
}

/**
 * Finds a file of a card.
 *
 * @param options - `optional`: whether it may be missing; else an archive that lacks it is an error.
 * @returns Its path; undefined if it is nowhere.
 */
export async function locate(
  path: string,
  { folders, unpacked, wanted = [] }: Places,
  { optional = false }: { optional?: boolean } = {},
): Promise<string | undefined> {
  const twice = wanted.some((other) => other !== path && basename(other) === basename(path));
  for (const folder of folders) {
    const found = await inFolder(path, folder, { unpacked, sought: { twice, optional } });
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What to do about files that are not there. */
export function missingMessage(
  missing: readonly string[],
  files: readonly CardFile[],
  page: string,
  folder: string,
): string {
  const lines = missing.map((path) => {
    const url = files.find(({ file }) => path === file || path.startsWith(`${file}/`))?.url;
    return `  ${path}${url === undefined ? '' : `  ${url}`}`;
  });
  return `${folder} lacks files of this data set (${page}):\n${lines.join('\n')}`;
}
