import { tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import type { Catalogue, ItemInputs } from './catalogue.ts';

/** Items whose features are read when they are needed: of a catalogue in memory, or of files. */
export interface ItemSource {
  /** N */
  count: number;
  /**
   * Features of some items, in their order, with `numbers`; 0 is padding, a row of zeros. The caller disposes the tensors.
   *
   * @param items - Item numbers in 0..N.
   */
  read(items: Int32Array): ItemInputs;
}

/**
 * The items of a catalogue.
 *
 * @param catalogue - Its tensors are read, never copied whole.
 * @param without - Modalities that no item is to have.
 */
export function catalogueSource(catalogue: Catalogue, without: readonly Modality[] = []): ItemSource {
  const { features, present } = catalogue.inputs;
  const unknown = without.find((modality) => !features[modality]);
  if (unknown !== undefined) throw new Error(`catalogueSource: the model has no ${unknown} to leave out`);
  const pick = (tables: ItemInputs['features'], items: Int32Array): ItemInputs['features'] =>
    Object.fromEntries(
      Object.entries(tables).map(([modality, table]) => {
        const width = table.shape[1]!;
        const rows = new Float32Array(items.length * width);
        if (!without.includes(modality as Modality)) {
          const all = table.dataSync() as Float32Array;
          for (const [i, item] of items.entries())
            rows.set(all.subarray(item * width, (item + 1) * width), i * width);
        }
        return [modality, tf.tensor2d(rows, [items.length, width])];
      }),
    );
  return {
    count: catalogue.items,
    read: (items) => ({
      features: pick(features, items),
      present: pick(present, items),
      numbers: tf.tensor1d(items, 'int32'),
    }),
  };
}
