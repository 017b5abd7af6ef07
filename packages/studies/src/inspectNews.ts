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
  /** Ids of the news that behaviours alone name, in the order of their first occurrence. */
  readonly unknown: readonly string[];
}

/** Counts, lengths and warnings of news and impressions in MIND's form; undefined for what is no such folder. */
export async function inspectNews(reference: string): Promise<NewsInspection | undefined> {
  const directory = await domainDirectory(reference);
  // A prepared domain is looked at as one, its impressions in their own folder.
  const files = isDomainFolder(directory) ? undefined : await findMind(directory);
  if (!files) return undefined;
  const data = await readMind(files);
  const { ids, count, described } = data.news;
  const unknown = Array.from({ length: count - described }, (_, at) => ids.text(described + 1 + at));
  return {
    name: domainName(reference),
    directory,
    ...mindStatistics(data),
    warnings: data.warnings,
    unknown,
  };
}
