import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { InputError } from '@ferry/data';
import { didYouMean } from '@ferry/recipes';
import { openPromise, type Entry, type ZipFile } from 'yauzl';

/** The entries of an archive. */
async function entriesOf(zip: ZipFile): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) entries.push(entry);
  return entries;
}

/** The entry that a name means: that path, or the only one that ends with it. */
function entryOf(entries: readonly Entry[], name: string, archive: string): Entry {
  const exact = entries.find(({ fileName }) => fileName === name);
  if (exact) return exact;
  const behind = entries.filter(
    ({ fileName }) => fileName.endsWith(`/${name.split('/').at(-1)!}`) || fileName === name.split('/').at(-1),
  );
  if (behind.length === 1) return behind[0]!;
  const names = entries.map(({ fileName }) => fileName);
  throw new InputError(
    archive,
    undefined,
    `the archive must hold ${name}, got ${names.slice(0, 12).join(', ')}${names.length > 12 ? ', …' : ''}${didYouMean(name, names)}`,
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
  let zip: ZipFile;
  try {
    zip = await openPromise(archive, { autoClose: false });
  } catch (error) {
    throw damaged(error);
  }
  try {
    const entry = entryOf(await entriesOf(zip), name, archive);
    let sum = 0;
    const check = new Transform({
      transform(block: Buffer, _, done) {
        sum = crc32(block, sum);
        done(null, block);
      },
    });
    await mkdir(dirname(target), { recursive: true });
    await pipeline(await zip.openReadStreamPromise(entry), check, createWriteStream(target));
    if (sum !== entry.crc32)
      throw new Error(`${entry.fileName} does not have the checksum that the archive states`);
  } catch (error) {
    await rm(target, { force: true });
    throw damaged(error);
  } finally {
    zip.close();
  }
}
