import { tf } from '@ferry/engine';
import type { ItemBlocks, Modality } from '@ferry/features';
import { tableTensors } from '@ferry/training';
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
  const { features, present } = catalogue.inputs;
  const { content } = catalogue;
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
      content: content && tableTensors(content, items),
      numbers: tf.tensor1d(items, 'int32'),
    }),
  };
}

/**
 * The items of a catalogue whose features stay in their files: only the rows asked for are read.
 *
 * @param catalogue - One whose features are read by blocks.
 * @param without - Modalities that no item is to have.
 */
export function blockSource(
  { items: count, blocks = {}, present }: Pick<Catalogue, 'items' | 'blocks' | 'present'>,
  without: readonly Modality[] = [],
): ItemSource {
  const modalities = Object.keys(blocks) as Modality[];
  const unknown = without.find((modality) => !blocks[modality]);
  if (unknown !== undefined) throw new Error(`blockSource: the model has no ${unknown} to leave out`);
  const of = (read: (modality: Modality) => tf.Tensor): Partial<Record<Modality, tf.Tensor>> =>
    Object.fromEntries(modalities.map((modality) => [modality, read(modality)]));
  return {
    count,
    read: (items) => ({
      features: of((modality) => {
        const { width } = blocks[modality]!;
        const rows = new Float32Array(items.length * width);
        if (!without.includes(modality)) readItems(blocks[modality]!, items, rows);
        return tf.tensor2d(rows, [items.length, width]);
      }),
      present: of((modality) => {
        const flags = without.includes(modality)
          ? new Float32Array(items.length)
          : Float32Array.from(items, (item) => present[modality]![item]!);
        return tf.tensor2d(flags, [items.length, 1]);
      }),
      numbers: tf.tensor1d(items, 'int32'),
    }),
  };
}

/** Reads the rows of some items, those that follow one another at once. Padding stays zero. */
function readItems({ width, rows }: ItemBlocks, items: Int32Array, into: Float32Array): void {
  for (let from = 0; from < items.length;) {
    let to = from + 1;
    if (items[from]! > 0) {
      while (to < items.length && items[to] === items[to - 1]! + 1) to++;
      const first = items[from]! - 1;
      rows(first, first + to - from, into.subarray(from * width, to * width));
    }
    from = to;
  }
}
