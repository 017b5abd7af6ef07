import { tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import type { Catalogue, ItemInputs } from './catalogue.ts';

/** Items whose features are read when they are needed: of a catalogue in memory, or of files. */
export interface ItemSource {
  /** N */
  count: number;
  /**
   * Features of some items, in their order, with `numbers`; 0 is padding, a row of zeros. The caller disposes the
   * tensors.
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
  const { features, present, content } = catalogue.inputs;
  const unknown = without.find((modality) => !features[modality]);
  if (unknown !== undefined) throw new Error(`catalogueSource: the model has no ${unknown} to leave out`);
  /** Rows of a table, copied on the host. */
  const rowsOf = (table: tf.Tensor, items: Int32Array): tf.Tensor => {
    const [, ...rest] = table.shape;
    const width = rest.reduce((a, b) => a * b, 1);
    const all = table.dataSync();
    const rows =
      table.dtype === 'int32' ? new Int32Array(items.length * width) : new Float32Array(items.length * width);
    for (const [i, item] of items.entries())
      rows.set(all.subarray(item * width, (item + 1) * width), i * width);
    return tf.tensor(rows, [items.length, ...rest], table.dtype);
  };
  const left = new Set<string>(without);
  const pick = (tables: Readonly<Record<string, tf.Tensor>>, items: Int32Array): Record<string, tf.Tensor> =>
    Object.fromEntries(
      Object.entries(tables).map(([name, table]) => [
        name,
        left.has(name) ? tf.zeros([items.length, ...table.shape.slice(1)]) : rowsOf(table, items),
      ]),
    );
  return {
    count: catalogue.items,
    read: (items) => ({
      features: pick(features, items),
      present: pick(present, items),
      ...(content && { content: pick(content, items) }),
      numbers: tf.tensor1d(items, 'int32'),
    }),
  };
}
