import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { InputError } from '@ferry/data';

/** Writes a file so that a reader never sees half of it; a failure leaves the old file, and nothing new. */
export async function replaceFile(
  path: string,
  content: string | Uint8Array | readonly Uint8Array[],
): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`;
  try {
    await writeFile(partial, content);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw new InputError(path, undefined, `the file cannot be written (${(error as Error).message})`);
  }
}
