/**
 * Encoders that are trained with a model: what they make of items' texts or pictures stands for the features of that
 * modality, so that every model that reads features can be trained end to end.
 *
 * V rows of a step's items (row 0 is padding), F width of an encoder's vectors.
 */
import { compile, disposeNest, type RandomSource, tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import type { Parameters } from '@ferry/nn';
import { encodedVectors, type ItemEncoders } from '@ferry/training';
import type { Catalogue, CatalogueView, ItemInputs } from './catalogue.ts';
import { catalogueSource } from './itemSource.ts';

/**
 * The items of a step with their encoders' vectors as features: each item is encoded once, however often a batch
 * mentions it. Items that lack the modality have rows of zeros, as among stored features.
 *
 * @param p - All weights of a recommender.
 * @param inputs - Items, some or all. Content `text.vectors` is taken as it is, instead of being made.
 */
export function encodeItems(
  encoders: ItemEncoders | undefined,
  p: Parameters,
  inputs: ItemInputs,
  random?: RandomSource,
): ItemInputs {
  if (!encoders) return inputs;
  const features = { ...inputs.features };
  const made = encodedVectors(encoders, p, inputs.content ?? {}, random);
  for (const [modality, vectors] of Object.entries(made) as [Modality, tf.Tensor][])
    features[modality] = tf.mul(vectors, inputs.present[modality]!);
  return { ...inputs, features };
}

/** Items that evaluation encodes together: with texts of 30 tokens and a width of 768, 190 MB of inner activations. */
const ITEMS_TOGETHER = 256;

/** Makes the features of a whole catalogue by its encoders, block by block. */
export interface EncodedCatalogue {
  /** The catalogue's items with features of the present weights, without what encoders read. The caller disposes it. */
  make(): CatalogueView;
  /** Frees what was compiled. */
  dispose(): void;
}

/**
 * Compiles the encoding of a whole catalogue; without encoders there is nothing to do.
 *
 * @param catalogue - The items.
 * @param p - All weights of the recommender; their present values are used at every call.
 */
export function createEncodedCatalogue(catalogue: Catalogue, p: Parameters): EncodedCatalogue {
  const { encoders } = catalogue;
  if (!encoders)
    return {
      make: () => ({ inputs: catalogue.inputs, dispose: () => undefined }),
      dispose: () => undefined,
    };
  const modalities = Object.keys(encoders) as Modality[];
  const encode = compile(
    (block: ItemInputs) => {
      const { features } = encodeItems(encoders, p, block);
      return Object.fromEntries(modalities.map((modality) => [modality, features[modality]!]));
    },
    { name: 'encodeCatalogue' },
  );
  const source = catalogueSource(catalogue);
  const make = (): CatalogueView => {
    const rows = catalogue.items + 1;
    const tables = Object.fromEntries(
      modalities.map((modality) => [modality, new Float32Array(rows * encoders[modality]!.width)]),
    );
    for (let from = 0; from < rows; from += ITEMS_TOGETHER) {
      // The last block is as large as the others, so that one program serves all.
      const block = Int32Array.from({ length: Math.min(ITEMS_TOGETHER, rows) }, (_, i) =>
        Math.min(from + i, rows - 1),
      );
      const read = source.read(block);
      const made = encode(read);
      for (const modality of modalities) {
        const { width } = encoders[modality]!;
        const kept = Math.min(ITEMS_TOGETHER, rows - from);
        tables[modality]!.set(
          (made[modality]!.dataSync() as Float32Array).subarray(0, kept * width),
          from * width,
        );
      }
      disposeNest([read, made]);
    }
    const made = Object.fromEntries(
      modalities.map((modality) => [
        modality,
        tf.tensor2d(tables[modality]!, [rows, encoders[modality]!.width]),
      ]),
    );
    const { features, present, words } = catalogue.inputs;
    return {
      inputs: { features: { ...features, ...made }, present, words },
      dispose: () => {
        disposeNest(made);
      },
    };
  };
  return {
    make,
    dispose: () => {
      encode.dispose();
    },
  };
}
