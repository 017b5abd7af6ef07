import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { InputError, openZip, type ZipArchive, type ZipEntry } from '@ferry/data';
import { didYouMean } from '@ferry/recipes';

/** The entry that a name means: that path, or the only one that ends with it. */
function entryOf(entries: readonly ZipEntry[], name: string, archive: string): ZipEntry {
  const exact = entries.find((entry) => entry.name === name);
  if (exact) return exact;
  const last = name.split('/').at(-1)!;
  const behind = entries.filter((entry) => entry.name.endsWith(`/${last}`) || entry.name === last);
  if (behind.length === 1) return behind[0]!;
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
 * @throws InputError if the archive is cut off or damaged, or has no such file.
 */
export async function unzipFile(archive: string, name: string, target: string): Promise<void> {
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
    const blocks = zip.blocks(entryOf(zip.entries, name, archive));
    await mkdir(dirname(target), { recursive: true });
    await pipeline(blocks, createWriteStream(target));
  } catch (error) {
    await rm(target, { force: true });
    throw damaged(error);
  } finally {
    zip?.close();
  }
}
