import { InputError, type Domain } from '@ferry/data';
import { pictureInputs, type ItemInput } from '../inputs.ts';
import { listPictures, type BadPicture } from '../pictureFiles.ts';
import type { FeatureDomain } from '../types.ts';
import { decode } from './decode.ts';
import type { PictureProcessor } from './processor.ts';

/** Pictures of a domain's items as an encoder reads them. */
export interface PictureBytes {
  /** [N, 3, height, width] */
  readonly shape: readonly number[];
  /** Before scaling; zeros of an item without a picture. */
  readonly data: Uint8Array;
  /** Uint8 [N]: 1 where an item has a picture. */
  readonly present: Uint8Array;
  /** What there is to know, such as pictures that are missing. */
  readonly notes: readonly string[];
}

/** The pictures that a domain names. */
export interface ItemPictures {
  /** Paths and hashes, undefined where there is none. [N] */
  readonly inputs: readonly (ItemInput | undefined)[];
  /** Those that are named and cannot be opened. */
  readonly absent: readonly BadPicture[];
}

/** The pictures of a domain's items: where they are, and hashes of what they are. */
export async function itemPictures(domain: FeatureDomain): Promise<ItemPictures> {
  return pictureInputs(domain);
}

/**
 * Decodes a picture as an encoder reads it: float32 [3, height, width].
 *
 * @throws InputError if it cannot be decoded.
 */
export async function readPicture(path: string, processor: PictureProcessor): Promise<Float32Array> {
  return processor.pixels(await decode(path));
}

/** Pictures decoded at once. */
const TOGETHER = 16;

/**
 * Decodes the pictures of a domain's items and makes them of one size.
 *
 * @param damaged - What becomes of those that cannot be decoded: an error that lists them all, or missing.
 * @throws InputError if pictures cannot be decoded and that is to be refused, or if there is none.
 */
export async function readPictures(
  domain: Pick<Domain, 'directory' | 'items'>,
  { inputs, absent }: ItemPictures,
  processor: PictureProcessor,
  {
    damaged = 'refuse',
    progress,
  }: { damaged?: 'refuse' | 'missing'; progress?: (done: number, total: number) => void } = {},
): Promise<PictureBytes> {
  const size = 3 * processor.height * processor.width;
  const data = new Uint8Array(inputs.length * size);
  const present = new Uint8Array(inputs.length);
  const lost: BadPicture[] = [];
  const named = [...inputs.entries()].filter((entry): entry is [number, ItemInput] => entry[1] !== undefined);
  for (let at = 0; at < named.length; at += TOGETHER) {
    const some = named.slice(at, at + TOGETHER);
    await Promise.all(
      some.map(async ([index, { value: path }]) => {
        try {
          data.set(processor.bytes(await decode(path)), index * size);
          present[index] = 1;
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          const reason = error.message.slice(`${error.file}: `.length);
          lost.push({ index, image: domain.items.images[index]!, reason });
        }
      }),
    );
    progress?.(at + some.length, named.length);
  }
  lost.sort((a, b) => a.index - b.index);
  if (lost.length > 0 && (damaged === 'refuse' || lost.length === named.length))
    throw new InputError(
      domain.directory,
      undefined,
      `pictures must be whole, got ${listPictures(lost, lost.length)}`,
    );
  const bad = [...absent, ...lost];
  return {
    shape: [inputs.length, 3, processor.height, processor.width],
    data,
    present,
    notes:
      bad.length === 0
        ? []
        : [`${bad.length} pictures cannot be read and count as missing: ${listPictures(bad)}`],
  };
}
