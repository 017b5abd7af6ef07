import { findMind, isDomainFolder, mindStatistics, readMind, type MindStatistics } from '@ferry/nrms';
import { domainName } from '@ferry/recipes';
import { domainDirectory } from './domains.ts';

/** What {@link inspectNews} found. */
export interface NewsInspection extends MindStatistics {
  /** Name of the data set. */
  readonly name: string;
  /** Its directory. */
  readonly directory: string;
  /** What was noticed. */
  readonly warnings: readonly string[];
}

/** Counts, lengths and warnings of news and impressions in MIND's form; undefined for what is no such folder. */
export async function inspectNews(reference: string): Promise<NewsInspection | undefined> {
  const directory = await domainDirectory(reference);
  // A prepared domain is looked at as one, its impressions in their own folder.
  const files = isDomainFolder(directory) ? undefined : await findMind(directory);
  if (!files) return undefined;
  const data = await readMind(files);
  return { name: domainName(reference), directory, ...mindStatistics(data), warnings: data.warnings };
}
