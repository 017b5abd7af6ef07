import { extract, type ExtractionOptions } from './extract.ts';
import { pictureInputs, textInputs } from './inputs.ts';
import { listPictures } from './pictureFiles.ts';
import type { Encoder, FeatureDomain, FeatureMatrix, Modality } from './types.ts';

/** An encoder that {@link buildFeatures} takes. */
export interface FeatureEncoder {
  /** Names the files. */
  readonly name: string;
  /** Names the weights and settings: other vectors, other identity. */
  readonly identity: string;
  /** Opens it, for texts or for paths of pictures; called only if something is not made yet. */
  readonly open: () => Promise<Encoder<string>>;
}

/** How {@link buildFeatures} works. */
export interface BuildOptions extends ExtractionOptions {
  /** What becomes of pictures that cannot be decoded: an error that lists them all (the default), or missing. */
  readonly damaged?: 'refuse' | 'missing' | undefined;
}

/**
 * Encodes the items' texts or pictures by any encoder and saves the matrix like {@link buildTextFeatures}.
 *
 * @throws InputError if a picture cannot be decoded, or no item has one.
 */
export async function buildFeatures(
  domain: FeatureDomain,
  modality: Modality,
  { name, identity, open }: FeatureEncoder,
  { damaged, ...options }: BuildOptions = {},
): Promise<FeatureMatrix> {
  const { inputs, absent } =
    modality === 'text' ? { inputs: textInputs(domain, {}), absent: [] } : await pictureInputs(domain);
  const named = domain.items.images.filter((image) => image !== undefined).length;
  return extract(
    {
      domain,
      modality,
      encoder: name,
      identity,
      inputs,
      cost: (value) => (modality === 'text' ? value.length : 0),
      open,
      damaged,
      notes:
        absent.length === 0
          ? []
          : [`${absent.length} of ${named} pictures named cannot be read: ${listPictures(absent)}`],
    },
    options,
  );
}
