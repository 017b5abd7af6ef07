import { access, constants, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { itemsHash } from './record.ts';
import type { FeatureDomain } from './types.ts';

/** Folders of one domain's stored features. */
export interface FeatureStore {
  /** Where matrices are kept. */
  features: string;
  /** Where single vectors are cached by content; shared between domains in a cache directory. */
  vectors: string;
}

/**
 * Whether new files may be put into a directory. Mode bits count even for the superuser, who may write anywhere: a
 * data set that was made read-only stays as it is.
 */
async function writable(directory: string): Promise<boolean> {
  const found = await stat(directory).catch(() => undefined);
  if (!found || (found.mode & 0o222) === 0) return false;
  return access(directory, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** The cache directory of this user: FERRY_CACHE, else the platform's usual place. */
export function userCache(): string {
  const { FERRY_CACHE, XDG_CACHE_HOME } = process.env;
  return FERRY_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'ferry');
}

/**
 * Where a domain's own features live: `cacheDirectory` if given, else `<domain>/features` if the domain's directory
 * can be written, else the user's cache (environment variable FERRY_CACHE, or `~/.cache/ferry`). In a cache the
 * folder carries the domain's name and a hash of its items, so domains never meet.
 */
export async function featureStore(domain: FeatureDomain, cacheDirectory?: string): Promise<FeatureStore> {
  if (cacheDirectory === undefined && (await writable(domain.directory))) {
    const features = join(domain.directory, 'features');
    return { features, vectors: join(features, 'vectors') };
  }
  const root = cacheDirectory ?? userCache();
  return {
    features: join(root, `${domain.name}-${itemsHash(domain).slice(0, 12)}`),
    vectors: join(root, 'vectors'),
  };
}
