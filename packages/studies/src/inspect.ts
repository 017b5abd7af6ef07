import { domainStatistics, type DomainStatistics } from '@ferry/data';
import { featureSummary, loadFeatures } from '@ferry/features';
import { openDomain } from './domains.ts';

/** What {@link inspectDomain} found. */
export interface Inspection {
  /** Name of the domain. */
  readonly name: string;
  /** Its directory. */
  readonly directory: string;
  /** The files it was read from and their form. */
  readonly form: string | undefined;
  /** Counts, lengths, popularity, warnings. */
  readonly statistics: DomainStatistics;
  /** One line for each set of features that is there, or why none is. */
  readonly features: readonly string[];
}

/** Counts, lengths, popularity, modality coverage and warnings of a domain. */
export async function inspectDomain(reference: string): Promise<Inspection> {
  const domain = await openDomain(reference);
  const features: string[] = [];
  for (const modality of ['text', 'image'] as const) {
    const found = await loadFeatures(domain, modality).then(featureSummary, (error: unknown) =>
      error instanceof Error && error.message.includes('has no')
        ? `no ${modality} features yet`
        : String(error),
    );
    features.push(found);
  }
  const { name, directory, form } = domain;
  return { name, directory, form, statistics: domainStatistics(domain), features };
}
