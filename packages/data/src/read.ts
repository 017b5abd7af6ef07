import { access, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { findAtomicFiles, readAtomicDomain } from './atomic.ts';
import { InputError } from './errors.ts';
import { jsonlFiles, readJsonlDomain } from './jsonl.ts';
import type { ReadOptions, ResolvedReadOptions } from './options.ts';
import type { Domain } from './types.ts';

/** Whether a path exists. */
async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Reads a domain in either form: an atomic directory (`.inter` files) or the jsonl form (`items.jsonl` and
 * `sequences.jsonl`). The form is recognised by the files; the result is the same either way.
 *
 * @param directory - The domain's directory.
 * @param options - Name, and what happens to users with too few interactions.
 * @throws InputError naming file, line and value if a file breaks its format or is missing.
 *
 * @example
 * ```ts
 * const domain = await readDomain('datasets/office');
 * console.log(domain.items.ids.length, domain.train.users.length);
 * ```
 */
export async function readDomain(directory: string, options: ReadOptions = {}): Promise<Domain> {
  const { name = basename(resolve(directory)), shortUsers = 'drop' } = options;
  const resolved: ResolvedReadOptions = { name, shortUsers };
  const found = await stat(directory).catch(() => undefined);
  if (!found?.isDirectory())
    throw new InputError(directory, undefined, 'a domain must be a directory, got none there');
  const hasItems = await exists(join(directory, jsonlFiles.items));
  const hasSequences = await exists(join(directory, jsonlFiles.sequences));
  if (hasItems && hasSequences) return readJsonlDomain(directory, resolved);
  if (hasItems || hasSequences)
    throw new InputError(
      join(directory, hasItems ? jsonlFiles.sequences : jsonlFiles.items),
      undefined,
      'the jsonl form needs both of its files, got only the other one',
    );
  const files = await findAtomicFiles(directory);
  if (!files)
    throw new InputError(
      directory,
      undefined,
      `a domain needs ${jsonlFiles.items} and ${jsonlFiles.sequences}, or .inter files; got neither`,
    );
  return readAtomicDomain(directory, files, resolved);
}
