import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';

/** Makes a directory unless it is there: beside its place, and moved there whole. */
export async function madeOnce(
  directory: string,
  make: (unfinished: string) => Promise<void>,
): Promise<void> {
  if (existsSync(directory)) return;
  const unfinished = `${directory}.${process.pid}`;
  await rm(unfinished, { recursive: true, force: true });
  await make(unfinished);
  try {
    await rename(unfinished, directory);
  } catch (error) {
    // Another process may have finished the same world meanwhile; it is the same, byte for byte.
    await rm(unfinished, { recursive: true, force: true });
    if (!existsSync(directory)) throw error;
  }
}
