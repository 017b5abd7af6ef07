import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readDomain, splitDomain, type Domain } from '@ferry/data';
import { didYouMean, UserError, type SplitSettings } from '@ferry/recipes';
import {
  newsWorldDirectory,
  sampleDomains,
  sampleWorldDirectory,
  type NewsWorldOptions,
} from '@ferry/sample-world';
import { checkData } from './jobs/whatIs.ts';

/** Where generated data and caches go: FERRY_CACHE, else `.cache` in the repository. */
export function cacheDirectory(): string {
  return process.env['FERRY_CACHE'] ?? join(import.meta.dirname, '../../../.cache');
}

const sample = 'sample-world:';
/** Readers and visits that a model of pictures, or of clicks in order, learns something from. */
const many: NewsWorldOptions = { readers: 1500, visits: 8 };
/**
 * Worlds of impressions, folders in MIND's form, no domains: a small one, a larger one, and two of that size whose
 * readers keep their tastes and differ in one thing, whether clicks follow pictures.
 */
const newsWorlds: Readonly<Record<string, NewsWorldOptions & { name?: string }>> = {
  news: {},
  'many-news': { name: 'many', ...many },
  'news-pictures': { name: 'many-pictures', ...many, drift: 0, weights: { picture: 3 } },
  'news-text': { name: 'many-text', ...many, drift: 0, weights: { picture: 0 } },
};
const inDataFolder = /^\$(?:FERRY_DATA|\{FERRY_DATA\})(?:\/|$)/;

/**
 * The directory a recipe's domain stands for: a path (relative to the working directory), `$FERRY_DATA/<path>`, or
 * `sample-world:<name>`, which is generated on first use (those of news are folders in MIND's form).
 *
 * @throws UserError if FERRY_DATA is not set, or there is no such domain.
 */
export async function domainDirectory(reference: string): Promise<string> {
  if (reference.startsWith(sample)) {
    const name = reference.slice(sample.length);
    const world = Object.hasOwn(newsWorlds, name) ? newsWorlds[name] : undefined;
    if (world) return newsWorldDirectory(cacheDirectory(), world);
    if (!sampleDomains.includes(name))
      throw new UserError(
        `the sample world has the domains ${sampleDomains.join(', ')} and, for news, ` +
          `${Object.keys(newsWorlds).join(', ')}; got '${name}'` +
          didYouMean(name, [...sampleDomains, ...Object.keys(newsWorlds)]),
      );
    return join(await sampleWorldDirectory(cacheDirectory()), name);
  }
  const directory = domainPath(reference);
  if (directory === undefined)
    throw new UserError(
      `${reference} needs the environment variable FERRY_DATA: the folder that holds the data sets (see ` +
        'datasets/README.md)',
    );
  if (!existsSync(directory))
    throw new UserError(
      `no such domain directory: ${directory}${directory === reference ? '' : ` (${reference})`}`,
    );
  checkData(reference, directory);
  return directory;
}

/**
 * The path of a file that a recipe names, `$FERRY_DATA/…` among them; whether it is there is for its reader to find.
 *
 * @throws UserError if FERRY_DATA is not set.
 */
export function filePath(reference: string): string {
  const path = domainPath(reference);
  if (path === undefined)
    throw new UserError(
      `${reference} needs the environment variable FERRY_DATA: the folder that holds the data sets`,
    );
  return path;
}

/**
 * The path of a recipe's domain without looking whether it is there; undefined for generated ones and without
 * FERRY_DATA.
 */
export function domainPath(reference: string): string | undefined {
  if (reference.startsWith(sample)) return undefined;
  const rest = inDataFolder.exec(reference);
  const root = process.env['FERRY_DATA'];
  if (rest) return root ? join(root, reference.slice(rest[0].length)) : undefined;
  return reference;
}

/**
 * Reads a recipe's domain, split as the recipe says.
 *
 * @param named - What the user calls the protocol.
 * @throws UserError for a protocol that the domain cannot be split by.
 */
export async function openDomain(
  reference: string,
  { protocol, split }: SplitSettings = {},
  named = 'evaluation.protocol',
): Promise<Domain> {
  const domain = await readDomain(await domainDirectory(reference));
  if (protocol === undefined) return domain;
  try {
    return splitDomain(domain, { name: protocol, ...split });
  } catch (error) {
    if (error instanceof RangeError)
      throw new UserError(`${named}: ${error.message.replace(/^splitDomain: /, '')}`);
    throw error;
  }
}
