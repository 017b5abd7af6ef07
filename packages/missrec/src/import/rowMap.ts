import type { FeatureMatrix } from '@ferry/features';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '@ferry/nn';
import { floats, type PthTensor } from '@ferry/torch';

/** Which row of a checkpoint's item tables belongs to each item. */
export interface RowMap {
  /** Checkpoint row of item number i, at index i; entry 0 is 0. Int32 [N + 1]. */
  rowOf: Int32Array;
  /**
   * Items whose features are all equal to another item's: their rows are given out in the order of the domain's items
   * that the importer was told.
   */
  ambiguous: number;
}

/** The bytes of a row as text, to look rows up by. */
function keyOf(values: Float32Array, row: number, width: number): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset + row * width * 4, width * 4);
  return Buffer.from(bytes).toString('latin1');
}

/** Values as a checkpoint of some precision holds them, to compare them to the bit. */
function inPrecisionOf({ dtype }: PthTensor, values: Float32Array): Float32Array {
  if (dtype === 'float16') return values.map((value) => fromFloat16(toFloat16(value)));
  return dtype === 'bfloat16' ? values.map((value) => fromBfloat16(toBfloat16(value))) : values;
}

const named = (names: readonly (string | undefined)[]): string =>
  names.filter((name) => name !== undefined).join(' and ') || 'none';

/**
 * Finds each item's row by its features (spec 15: rows are in RecBole's internal order): the checkpoint's frozen text
 * rows are matched with the domain's text features, equal text rows told apart by their image rows. Features must be
 * the ones the checkpoint was trained on, to the bit. Items that are equal in all features take their rows in the order
 * given, which must be RecBole's for the right ones.
 *
 * @param tensors - `plm_embedding.weight` and `img_embedding.weight` of the checkpoint.
 * @param features - The domain's matrices; `order`: item numbers in RecBole's order (`recboleOrder` of `@ferry/data`).
 *   Default ascending.
 * @throws Error naming the first item without a row, or a wrong number of rows.
 */
export function matchRows(
  tensors: ReadonlyMap<string, PthTensor>,
  features: {
    text?: FeatureMatrix;
    image?: FeatureMatrix;
    order?: Int32Array;
  },
): RowMap {
  const tables = (
    [
      ['plm_embedding.weight', features.text],
      ['img_embedding.weight', features.image],
    ] as const
  ).flatMap(([name, matrix]) => {
    const tensor = tensors.get(name);
    if (!tensor || !matrix) return [];
    const values = floats(tensor);
    if (!values) throw new Error(`importReleased: "${name}" must hold floats, got ${tensor.dtype}`);
    const [rows, width] = tensor.shape;
    if (rows !== matrix.count + 1 || width !== matrix.width)
      throw new Error(
        `importReleased: "${name}" must be [${matrix.count + 1}, ${matrix.width}] as the domain's features, got ` +
          `[${tensor.shape.join(', ')}]`,
      );
    return [{ values, own: inPrecisionOf(tensor, matrix.data), width: matrix.width, count: matrix.count }];
  });
  const first = tables[0];
  if (!first)
    throw new Error(
      'importReleased: items are found by frozen features that the checkpoint and the domain both have: the ' +
        `checkpoint has ${named(
          ['plm_embedding.weight', 'img_embedding.weight'].filter((name) => tensors.has(name)),
        )}, the domain has ${named([features.text && 'text features', features.image && 'image features'])}; ` +
        'give the token list instead',
    );
  const items = first.count;
  const key = (pick: (table: (typeof tables)[number]) => Float32Array, row: number): string =>
    tables.map((table) => keyOf(pick(table), row, table.width)).join('|');
  const found = new Map<string, { rows: number[]; taken: number }>();
  for (let row = 1; row <= items; row++) {
    const text = key(({ values }) => values, row);
    const equal = found.get(text);
    if (equal) equal.rows.push(row);
    else found.set(text, { rows: [row], taken: 0 });
  }
  const rowOf = new Int32Array(items + 1);
  let ambiguous = 0;
  for (const { rows } of found.values()) if (rows.length > 1) ambiguous += rows.length;
  const missing: number[] = [];
  // Items that no row mentions come last.
  const order = new Set(features.order);
  for (let item = 1; item <= items; item++) order.add(item);
  for (const item of order) {
    const equal = found.get(key(({ own }) => own, item - 1));
    const row = equal?.rows[equal.taken++];
    if (row === undefined) missing.push(item);
    else rowOf[item] = row;
  }
  if (missing.length > 0)
    throw new Error(
      'importReleased: every item must have a row of equal features in the checkpoint, got none for ' +
        `${missing.length} of ${items} items, ` +
        `the first of them item number ${missing[0]!}; give the features it was trained on, or its token list`,
    );
  return { rowOf, ambiguous };
}
