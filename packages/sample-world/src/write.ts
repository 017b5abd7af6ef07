import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '@ferry/data';
import { madeOnce } from './madeOnce.ts';
import { encodePng } from './png.ts';
import { domainPlans } from './vocabulary.ts';
import { makeSampleWorld, type SampleDomain, type SampleWorld, type SampleWorldOptions } from './world.ts';

/** Changes whenever the generator makes something else from the same seed, so that old caches are not used. */
export const sampleWorldVersion = 2;

/** Names of the domains. */
export const sampleDomains: readonly string[] = domainPlans.map(({ name }) => name);

const lines = (values: readonly object[]): string =>
  values.map((value) => `${JSON.stringify(value)}\n`).join('');
const pictureFile = (id: string): string => `images/${id}.png`;

function itemLines({ items }: SampleDomain): string {
  return lines(
    items.map(({ id, title, text, category, pictured }) => ({
      id,
      title,
      text,
      category,
      ...(pictured ? { image: pictureFile(id) } : {}),
    })),
  );
}

function sequenceLines({ items, sequences }: SampleDomain): string {
  return lines(
    sequences.map(({ user, items: steps, times }) => ({
      user,
      items: steps.map((at) => items[at]!.id),
      ts: times,
    })),
  );
}

/**
 * Writes a world as one directory for each domain: `items.jsonl`, `sequences.jsonl` and `images/`.
 *
 * @param directory - Made if it does not exist.
 */
export async function writeSampleWorld(directory: string, world: SampleWorld): Promise<void> {
  for (const domain of world.domains) {
    const folder = join(directory, domain.name);
    makeDirectory(join(folder, 'images'));
    await writeFile(join(folder, 'items.jsonl'), itemLines(domain));
    await writeFile(join(folder, 'sequences.jsonl'), sequenceLines(domain));
    for (const [number, picture] of domain.pictures.entries())
      if (picture) await writeFile(join(folder, pictureFile(domain.items[number]!.id)), encodePng(picture));
  }
}

/**
 * The sample world on disk, generated on first use (about two seconds). It is written beside its place and moved
 * there whole, so that a generator that was killed leaves nothing that looks finished.
 *
 * @param cache - Directory for generated data.
 * @param options - See {@link SampleWorldOptions}; only the seed and the number of persons.
 * @returns The directory that holds one directory for each domain.
 */
export async function sampleWorldDirectory(
  cache: string,
  { seed = 1, persons = 900 }: Omit<SampleWorldOptions, 'domains'> = {},
): Promise<string> {
  const directory = join(cache, 'sample-world', `v${sampleWorldVersion}-seed${seed}-persons${persons}`);
  await madeOnce(directory, (unfinished) => writeSampleWorld(unfinished, makeSampleWorld({ seed, persons })));
  return directory;
}
