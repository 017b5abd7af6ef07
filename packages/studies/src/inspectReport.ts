import { openDomain } from './domains.ts';
import { inspectDomain } from './inspect.ts';

/**
 * Writes one HTML page about a domain: counts, lengths, popularity, interactions over time, duplicates, texts and their
 * languages, features, nearest neighbours of sampled items by each set of features, and what it shares with other
 * domains.
 *
 * @param reference - The domain.
 * @param options - Where the page goes, other domains to compare with, and the command that made it.
 * @returns The page's path.
 */
export async function inspectReport(
  reference: string,
  options: { out: string; others: readonly string[]; command: string },
): Promise<string> {
  // Loaded here: whoever only counts needs none of it.
  const { writeDomainReport } = await import('./domainReport/report.ts');
  return writeDomainReport(
    await openDomain(reference),
    await Promise.all(options.others.map((other) => openDomain(other))),
    {
      ...options,
      inspection: await inspectDomain(reference),
    },
  );
}
