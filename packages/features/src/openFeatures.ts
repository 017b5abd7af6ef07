import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@ferry/data';
import { type ItemBlocks, openItemBlocks } from './itemBlocks.ts';
import { ownFiles } from './load.ts';
import type { FeatureDomain, Modality } from './types.ts';

/** How {@link openFeatures} takes the files of a domain. */
export interface OpenFeaturesOptions {
  /** F of each modality that is wanted, where it is declared. */
  widths: Readonly<Partial<Record<Modality, number | undefined>>>;
  /** Bytes that the files must have together: smaller ones are better read whole. */
  least: number;
}

/**
 * Opens a domain's own features to be read by blocks of rows: `.npy` files, and headerless ones whose width is declared or
 * recorded.
 *
 * @param domain - The domain.
 * @param options - Which modalities, and from which size on.
 * @returns A file for each modality, which the caller closes; undefined where the files are smaller, or not all can be read
 *   by blocks (`loadFeatures` reads more kinds, and says what is wrong with a file).
 */
export async function openFeatures(
  domain: FeatureDomain,
  { widths, least }: OpenFeaturesOptions,
): Promise<Partial<Record<Modality, ItemBlocks>> | undefined> {
  const files: [Modality, string][] = [];
  let bytes = 0;
  for (const modality of Object.keys(widths) as Modality[]) {
    const [name, ...more] = await ownFiles(domain, modality);
    if (name === undefined || more.length > 0) return undefined;
    // An archive is no matrix that rows could be read from.
    if (/\.npz$/i.test(name)) return undefined;
    const file = join(domain.directory, name);
    bytes += (await stat(file)).size;
    files.push([modality, file]);
  }
  if (bytes < least) return undefined;
  const opened: Partial<Record<Modality, ItemBlocks>> = {};
  for (const [modality, file] of files)
    try {
      opened[modality] = await openItemBlocks(file, { domain, width: widths[modality] });
    } catch (error) {
      for (const blocks of Object.values(opened)) blocks.close();
      if (error instanceof InputError) return undefined;
      throw error;
    }
  return opened;
}
