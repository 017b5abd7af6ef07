import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readDomain, type Domain } from '@ferry/data';
import { didYouMean, UserError } from '@ferry/recipes';
import { sampleDomains, sampleWorldDirectory } from '@ferry/sample-world';

/** Where generated data and caches go: FERRY_CACHE, else `.cache` in the repository. */
export function cacheDirectory(): string {
  return process.env['FERRY_CACHE'] ?? join(import.meta.dirname, '../../../.cache');
}

const sample = 'sample-world:';

/**
 * The directory a recipe's domain stands for: a path (relative to the working directory), `$FERRY_DATA/<path>`, or
 * `sample-world:<name>`, which is generated on first use.
 *
 * @throws UserError if FERRY_DATA is not set, or there is no such domain.
 */
export async function domainDirectory(reference: string): Promise<string> {
  if (reference.startsWith(sample)) {
    const name = reference.slice(sample.length);
    if (!sampleDomains.includes(name))
      throw new UserError(
        `the sample world has the domains ${sampleDomains.join(', ')}, got '${name}'${didYouMean(name, sampleDomains)}`,
      );
    return join(await sampleWorldDirectory(cacheDirectory()), name);
  }
  const rest = /^\$(?:FERRY_DATA|\{FERRY_DATA\})(?:\/|$)/.exec(reference);
  const root = process.env['FERRY_DATA'];
  if (rest && !root)
    throw new UserError(
      `${reference} needs the environment variable FERRY_DATA: the folder that holds the data sets (see datasets/README.md)`,
    );
  const directory = rest ? join(root!, reference.slice(rest[0].length)) : reference;
  if (!existsSync(directory))
    throw new UserError(`no such domain directory: ${directory}${rest ? ` (${reference})` : ''}`);
  return directory;
}

/** Reads a recipe's domain. */
export async function openDomain(reference: string): Promise<Domain> {
  return readDomain(await domainDirectory(reference));
}
