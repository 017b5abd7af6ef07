import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, type Domain } from '@ferry/data';
import { readFeatureFile, type FeatureFileOptions } from './file.ts';
import { featureStore, readStoredFeatures } from './store.ts';
import type { FeatureMatrix, Modality } from './types.ts';
import { droppedSuffix } from './words.ts';

/** What {@link loadFeatures} looks for. */
export interface LoadOptions extends FeatureFileOptions {
  /** A feature file of any kind {@link readFeatureFile} reads. */
  file?: string | undefined;
  /** Take the features that this encoder made and {@link buildTextFeatures} or {@link buildImageFeatures} saved. */
  encoder?: string | undefined;
  /** Where features are kept; see {@link featureStore}. */
  cacheDirectory?: string | undefined;
}

/** MISSRec's endings: text is `.feat1CLS`, image is `.feat3CLS`. */
const ending: Readonly<Record<Modality, string>> = { text: '.feat1CLS', image: '.feat3CLS' };

/** Names of files in a directory, none if it does not exist. */
async function list(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return names.sort();
}

/**
 * Loads one modality of a domain's items: the `file` given, else what `encoder` made, else MISSRec's feature file in
 * the domain's directory (`.feat1CLS` for text, `.feat3CLS` for images), else the one matrix that was built before.
 *
 * @param domain - The domain.
 * @param modality - Which modality.
 * @param options - Which file or encoder.
 * @throws InputError if there is nothing, or more than one candidate: the message says what was looked for.
 */
export async function loadFeatures(
  domain: Domain,
  modality: Modality,
  options: LoadOptions = {},
): Promise<FeatureMatrix> {
  if (options.file !== undefined) return readFeatureFile(options.file, domain, modality, options);
  const store = await featureStore(domain, options.cacheDirectory);
  if (options.encoder !== undefined) {
    const stored = await readStoredFeatures(store, domain, modality, options.encoder);
    if (stored) return stored;
    throw new InputError(
      store.features,
      undefined,
      `${modality} features of encoder '${options.encoder}' have not been made for ${domain.name}, got no such file`,
    );
  }
  const files = (await list(domain.directory)).filter((name) => name.endsWith(ending[modality]));
  if (files.length === 1)
    return readFeatureFile(join(domain.directory, files[0]!), domain, modality, options);
  const built = (await list(store.features)).flatMap(
    (name) => new RegExp(`^${modality}-(.+)(?<!${droppedSuffix})\\.npy$`).exec(name)?.[1] ?? [],
  );
  if (files.length === 0 && built.length === 1) {
    const stored = await readStoredFeatures(store, domain, modality, built[0]!);
    if (stored) return stored;
  }
  const candidates = [...files, ...built];
  throw new InputError(
    domain.directory,
    undefined,
    candidates.length > 1
      ? `there must be one set of ${modality} features, or one must be named; got ${candidates.join(', ')}`
      : `${domain.name} has no ${modality} features: neither a *${ending[modality]} file nor any in ${store.features}`,
  );
}

/**
 * Loads the features of texts that have lost words from MISSRec's file in the domain's directory (`.feat2CLS`).
 *
 * @throws InputError if there is not one such file.
 */
export async function loadWordDropped(domain: Domain): Promise<FeatureMatrix> {
  const files = (await list(domain.directory)).filter((name) => name.endsWith('.feat2CLS'));
  if (files.length !== 1)
    throw new InputError(
      domain.directory,
      undefined,
      `word drop needs one file of text features with words dropped (*.feat2CLS), got ${files.length === 0 ? 'none' : files.join(', ')}`,
    );
  return readFeatureFile(join(domain.directory, files[0]!), domain, 'text');
}
