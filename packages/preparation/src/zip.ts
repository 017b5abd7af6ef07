import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { InputError, makeDirectory, openZip, type ZipArchive, type ZipEntry } from '@ferry/data';
import { didYouMean } from '@ferry/recipes';

/** How a file is looked for. */
export interface Sought {
  /** Whether another file that is wanted has the same name, so that folders tell them apart. */
  readonly twice: boolean;
  /** Whether it may be missing. */
  readonly optional: boolean;
}

/** Whether a path has the name of another, and its folder too where that tells files apart. */
export function fits(path: string, wanted: string, { twice }: Pick<Sought, 'twice'>): boolean {
  if (basename(path) !== basename(wanted)) return false;
  return !twice || basename(dirname(path)) === basename(dirname(wanted));
}

/** The entry that a name means: that path, or the only one that fits it. */
function entryOf(
  entries: readonly ZipEntry[],
  { name, archive, ...sought }: Sought & { name: string; archive: string },
): ZipEntry | undefined {
  const exact = entries.find((entry) => entry.name === name);
  if (exact) return exact;
  const behind = entries.filter((entry) => fits(entry.name, name, sought));
  if (behind.length === 1) return behind[0]!;
  if (sought.optional && behind.length === 0) return undefined;
  const names = entries.map((entry) => entry.name);
  throw new InputError(
    archive,
    undefined,
    `the archive must hold ${name}, got ${names.slice(0, 12).join(', ')}${names.length > 12 ? ', …' : ''}` +
      didYouMean(name, names),
  );
}

/**
 * Takes one file out of a zip archive. Sizes and checksum are compared.
 *
 * @param name - Its path in the archive, or its last part if only one has it.
 * @returns Whether it was there; one that is not optional always was.
 * @throws InputError if the archive is cut off or damaged, or has no such file.
 */
export async function unzipFile(
  archive: string,
  name: string,
  target: string,
  sought: Sought = { twice: false, optional: false },
): Promise<boolean> {
  const damaged = (error: unknown): InputError =>
    error instanceof InputError
      ? error
      : new InputError(
          archive,
          undefined,
          `the zip archive must be whole, got: ${(error as Error).message}; fetch it again`,
        );
  let zip: ZipArchive | undefined;
  try {
    zip = await openZip(archive);
    const entry = entryOf(zip.entries, { name, archive, ...sought });
    if (!entry) return false;
    makeDirectory(dirname(target));
    await pipeline(zip.blocks(entry), createWriteStream(target));
    return true;
  } catch (error) {
    await rm(target, { force: true });
    throw damaged(error);
  } finally {
    zip?.close();
  }
}
