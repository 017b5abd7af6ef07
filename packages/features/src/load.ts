import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@ferry/data';
import { readFeatureFile, type FeatureFileOptions } from './file.ts';
import { featureSummary } from './matrix.ts';
import { readStoredFeatures } from './store.ts';
import { featureStore, type FeatureStore } from './storePlace.ts';
import type { FeatureDomain, FeatureMatrix, Modality } from './types.ts';
import { droppedSuffix } from './words.ts';

/** What {@link loadFeatures} looks for. */
export interface LoadOptions extends FeatureFileOptions {
  /** A feature file of any kind {@link readFeatureFile} reads. */
  file?: string;
  /**
   * Take the features that this encoder made and {@link buildTextFeatures} or {@link buildImageFeatures} saved. Where the
   * domain's texts or pictures have changed since, that is an error.
   */
  encoder?: string;
  /** Where features are kept; see {@link featureStore}. */
  cacheDirectory?: string;
}

/** Encoders that a recipe names as they are. */
const ownNames = new Set(['use-lite', 'clip', 'pixels']);

/** MISSRec's endings: text is `.feat1CLS`, image is `.feat3CLS`. */
const ending: Readonly<Record<Modality, string>> = { text: '.feat1CLS', image: '.feat3CLS' };

/** Names of files in a directory, none if it does not exist. */
async function list(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new InputError(directory, undefined, (error as Error).message);
  });
  return names.sort();
}

/** Names of features that were encoded and kept, apart from those with words dropped. */
async function builtEncoders(store: FeatureStore, modality: Modality): Promise<string[]> {
  const pattern = new RegExp(`^${modality}-(.+)(?<!${droppedSuffix})\\.npy$`);
  return (await list(store.features)).flatMap((name) => pattern.exec(name)?.[1] ?? []);
}

/** Names of a domain's own feature files. */
export async function ownFiles(domain: FeatureDomain, modality: Modality): Promise<string[]> {
  const named = new RegExp(`^(?:.+\\.)?${modality}\\.np[yz]$`, 'i');
  return (await list(domain.directory)).filter((name) => name.endsWith(ending[modality]) || named.test(name));
}

/**
 * Loads one modality of a domain's items: the `file` given, else what `encoder` made, else the domain's own file: MISSRec's
 * (`.feat1CLS` for text, `.feat3CLS` for images) or numpy's (`text.npy`, `X.text.npz`, `image.npy` …). What an encoder made
 * is never taken for the domain's own.
 *
 * @param domain - The domain.
 * @param modality - Which modality.
 * @param options - Which file or encoder.
 * @throws InputError if there is nothing, or more than one candidate: the message says what was looked for; or if what the
 *   encoder made is out of date.
 */
export async function loadFeatures(
  domain: FeatureDomain,
  modality: Modality,
  options: LoadOptions = {},
): Promise<FeatureMatrix> {
  if (options.file !== undefined) return readFeatureFile(options.file, domain, modality, options);
  const store = await featureStore(domain, options.cacheDirectory);
  if (options.encoder !== undefined) {
    const stored = await readStoredFeatures(store, domain, modality, options.encoder, { stale: 'refuse' });
    if (stored) return stored;
    throw new InputError(
      store.features,
      undefined,
      `${modality} features of encoder '${options.encoder}' have not been made for ${domain.name}, got no such file: ` +
        `ferry features makes them, ferry features list shows what is there`,
    );
  }
  const files = await ownFiles(domain, modality);
  if (files.length === 1)
    return readFeatureFile(join(domain.directory, files[0]!), domain, modality, options);
  const built = await builtEncoders(store, modality);
  throw new InputError(
    domain.directory,
    undefined,
    files.length > 1
      ? `there must be one set of ${modality} features, or one must be named; got ${files.join(', ')}`
      : `${domain.name} has no ${modality} features of its own: no *${ending[modality]}, ${modality}.npy or ` +
          `${modality}.npz file` +
          (built.length === 0
            ? ''
            : `; what an encoder made goes by its name (features.${modality}: ` +
              `${built.map((name) => (ownNames.has(name) ? name : `made:${name}`)).join(' or ')})`),
  );
}

/** Every set of features of a domain that can be read: its own files, and what encoders made. */
export async function featureMatrices(domain: FeatureDomain): Promise<FeatureMatrix[]> {
  const store = await featureStore(domain);
  const found: FeatureMatrix[] = [];
  for (const modality of ['text', 'image'] as const) {
    const readings = [
      ...(await ownFiles(domain, modality)).map(
        (name) => () => readFeatureFile(join(domain.directory, name), domain, modality),
      ),
      ...(await builtEncoders(store, modality)).map(
        (encoder) => () => readStoredFeatures(store, domain, modality, encoder),
      ),
    ];
    // What cannot be used is said by listFeatures.
    for (const read of readings) {
      const matrix = await read().catch(() => undefined);
      if (matrix) found.push(matrix);
    }
  }
  return found;
}

/** One set of features of a domain, for people. */
export interface FeatureListing {
  /** What it is, or that there is none. */
  readonly line: string;
  /** What is wrong with it, or out of date. */
  readonly warnings: readonly string[];
}

/** Says what features a domain has: its own files, and what encoders made. */
export async function listFeatures(domain: FeatureDomain): Promise<FeatureListing[]> {
  const found: FeatureListing[] = [];
  for (const modality of ['text', 'image'] as const) {
    const before = found.length;
    const say = async (name: string, reading: Promise<FeatureMatrix | undefined>): Promise<void> => {
      const of = `${modality} features ${name}`;
      try {
        const matrix = await reading;
        if (matrix)
          found.push({
            line: featureSummary(matrix),
            warnings: (matrix.notes ?? []).map((note) => `${of}: ${note}`),
          });
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        found.push({ line: `${modality} features: ${name} cannot be used`, warnings: [message] });
      }
    };
    const store = await featureStore(domain);
    for (const name of await ownFiles(domain, modality))
      await say(name, readFeatureFile(join(domain.directory, name), domain, modality));
    for (const encoder of await builtEncoders(store, modality))
      await say(encoder, readStoredFeatures(store, domain, modality, encoder));
    if (found.length === before) found.push({ line: `no ${modality} features yet`, warnings: [] });
  }
  return found;
}

/**
 * Loads the features of texts that have lost words from MISSRec's file in the domain's directory (`.feat2CLS`).
 *
 * @param domain - The domain.
 * @param width - F, if it is declared.
 * @throws InputError if there is not one such file.
 */
export async function loadWordDropped(domain: FeatureDomain, width?: number): Promise<FeatureMatrix> {
  const files = (await list(domain.directory)).filter((name) => name.endsWith('.feat2CLS'));
  if (files.length !== 1)
    throw new InputError(
      domain.directory,
      undefined,
      'word drop needs one file of text features with words dropped (*.feat2CLS), got ' +
        (files.join(', ') || 'none'),
    );
  return readFeatureFile(join(domain.directory, files[0]!), domain, 'text', { width });
}
