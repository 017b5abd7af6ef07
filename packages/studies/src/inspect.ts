import { domainStatistics, type DomainStatistics } from '@ferry/data';
import { badPictures, listFeatures, listPictures, picturePlaces } from '@ferry/features';
import { openDomain } from './domains.ts';

/** What {@link inspectDomain} found. */
export interface Inspection {
  /** Name of the domain. */
  readonly name: string;
  /** Its directory. */
  readonly directory: string;
  /** The files it was read from and their form. */
  readonly form: string | undefined;
  /** Whether sequences are sets, whose histories and rows mean nothing. */
  readonly unordered: boolean;
  /** Counts, lengths, popularity, warnings; pictures that cannot be used count as missing. */
  readonly statistics: DomainStatistics;
  /**
   * One line for each set of features that is there, or that none is. What is wrong with them stands among the
   * warnings.
   */
  readonly features: readonly string[];
}

/** Counts, lengths, popularity, modality coverage and warnings of a domain. */
export async function inspectDomain(reference: string): Promise<Inspection> {
  const domain = await openDomain(reference);
  const statistics = domainStatistics(domain);
  const bad = await badPictures(domain);
  const places = await picturePlaces(domain);
  const { images } = domain.items;
  statistics.missing.image -= images.filter(
    (image, item) => image === undefined && places.path(item) !== undefined,
  ).length;
  if (bad.length > 0) {
    const named = domain.items.images.filter((image) => image !== undefined).length;
    statistics.missing.image += bad.length;
    statistics.warnings.push(`${bad.length} of ${named} pictures named cannot be used: ${listPictures(bad)}`);
  }
  const found = await listFeatures(domain);
  statistics.warnings.push(...found.flatMap(({ warnings }) => warnings));
  const { name, directory, form, unordered = false } = domain;
  return { name, directory, form, unordered, statistics, features: found.map(({ line }) => line) };
}
