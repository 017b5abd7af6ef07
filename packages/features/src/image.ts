import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Domain } from '@ferry/data';
import { openClipImage, clipIdentity, type ClipOptions } from './clip.ts';
import { extract, type ExtractionOptions } from './extract.ts';
import { describePixels, openPixels } from './pixels.ts';
import { sha256 } from './store.ts';
import type { FeatureMatrix } from './types.ts';

/** Names of the encoders of pictures. */
export const imageEncoders = ['pixels', 'clip'] as const;

/** An encoder of pictures. */
export type ImageEncoderName = (typeof imageEncoders)[number];

/** How {@link buildImageFeatures} works. */
export interface ImageFeatureOptions extends ExtractionOptions, ClipOptions {
  /**
   * 'pixels' (the default): colour and gradient histograms, needs no weights; a description of how a picture looks, not
   * of what it shows. 'clip': CLIP ViT-B/32's image tower, 512 wide, needs weights on disk or reachable.
   */
  encoder?: ImageEncoderName | undefined;
}

/**
 * Encodes the items' pictures and saves the matrix like {@link buildTextFeatures}. An item is missing its picture if the
 * data names none or names one that is not there (the notes count those); a file that is no picture is an error.
 *
 * @param domain - The domain; paths are relative to its directory.
 * @param options - Encoder, cache, progress.
 * @throws InputError if the encoder's weights are missing, a picture cannot be decoded, or no item has one.
 */
export async function buildImageFeatures(
  domain: Domain,
  options: ImageFeatureOptions = {},
): Promise<FeatureMatrix> {
  const { encoder = 'pixels' } = options;
  const inputs: ({ value: string; hash: string } | undefined)[] = [];
  let lost = 0;
  for (const image of domain.items.images) {
    if (image === undefined) {
      inputs.push(undefined);
      continue;
    }
    const path = resolve(domain.directory, image);
    const bytes = await readFile(path).catch(() => undefined);
    if (!bytes) lost++;
    // Only the hash is kept; the encoder reads the picture again if its vector is not in the cache.
    inputs.push(bytes && { value: path, hash: sha256(bytes) });
  }
  return extract(
    {
      domain,
      modality: 'image',
      encoder,
      identity: encoder === 'clip' ? await clipIdentity('image', options) : describePixels,
      inputs,
      cost: () => 0,
      open: () => (encoder === 'clip' ? openClipImage(options) : openPixels()),
      notes: lost === 0 ? [] : [`${lost} pictures are named but are no files`],
    },
    options,
  );
}
