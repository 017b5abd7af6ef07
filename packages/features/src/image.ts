import { openClipImage, clipIdentity, type ClipOptions } from './clip.ts';
import { extract, type ExtractionOptions } from './extract.ts';
import { pictureInputs } from './inputs.ts';
import { whyAbsentNote } from './pictureFiles.ts';
import { describePixels, openPixels } from './pixels.ts';
import type { FeatureDomain, FeatureMatrix } from './types.ts';

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
  encoder?: ImageEncoderName;
  /**
   * What becomes of pictures that cannot be decoded. `refuse` (the default): an error that lists them all, once the others
   * are encoded and kept. `missing`: they count as missing, and the notes list them.
   */
  damaged?: 'refuse' | 'missing';
}

/**
 * Encodes the items' pictures and saves the matrix like {@link buildTextFeatures}. An item is missing its picture if the
 * data names none or names one that is not there (the notes say which); files that are no pictures are an error, or
 * count as missing if `damaged` says so.
 *
 * @param domain - The domain; paths are relative to its directory.
 * @param options - Encoder, cache, progress.
 * @throws InputError if the encoder's weights are missing, a picture cannot be decoded, or no item has one.
 */
export async function buildImageFeatures(
  domain: FeatureDomain,
  options: ImageFeatureOptions = {},
): Promise<FeatureMatrix> {
  const { encoder = 'pixels', damaged } = options;
  const { inputs, absent } = await pictureInputs(domain);
  return extract(
    {
      domain,
      modality: 'image',
      encoder: options.name ?? encoder,
      cache: encoder,
      identity: encoder === 'clip' ? await clipIdentity('image', options) : describePixels,
      inputs,
      cost: () => 0,
      open: () => (encoder === 'clip' ? openClipImage(options) : openPixels()),
      ...(damaged ? { damaged } : {}),
      notes: whyAbsentNote(domain, absent),
    },
    options,
  );
}
